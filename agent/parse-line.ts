import type { ParsedLine, ParseLine } from './parse/index.js';
import { LINE_BYTES_MAX, type Line } from './source/index.js';

/** Parses a line as it was read: one that was cut is malformed for its length, whatever else it then lacks. */
export function parseReadLine(parse: ParseLine, line: Line): ParsedLine {
  const parsed = parse(line.text);
  return line.cut && typeof parsed === 'string' ? `longer than ${LINE_BYTES_MAX} bytes` : parsed;
}
