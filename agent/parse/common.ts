import { isBlankFrom } from './blank.js';
import { parseClf } from './clf.js';
import type { ParsedLine } from './parsed.js';

function nothingMore(line: string, at: number): string | null {
  return isBlankFrom(line, at) ? null : 'text after the bytes, which the Common Log Format has not';
}

/** Common Log Format (NCSA): `host ident user [time] "request" status bytes`. */
export function parseCommon(line: string): ParsedLine {
  return parseClf(line, nothingMore);
}
