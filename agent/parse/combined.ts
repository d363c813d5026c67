import type { Entry } from '../../schema/log-batch.js';
import { isBlankFrom } from './blank.js';
import { closingQuote, parseClf } from './clf.js';
import type { ParsedLine } from './parsed.js';

const BLANK = 32;
const QUOTE = 34;
const DASH = 45;

/** The end of a `"quoted"` field or of a bare `-`; -1 where neither stands at `from`. */
function quotedEnd(line: string, from: number): number {
  const first = line.charCodeAt(from);
  if (first === DASH) return from + 1;
  if (first !== QUOTE) return -1;
  return closingQuote(line, from + 1) + 1 || -1;
}

/** Its text, null for none (`-`, `""`). Escaped quotes and backslashes are undone, other escapes stay as logged. */
function quotedText(line: string, from: number, end: number): string | null {
  if (end - from <= 2) return null;
  const text = line.slice(from + 1, end - 1);
  if (text === '-') return null;
  return text.includes('\\') ? text.replace(/\\(["\\])/g, '$1') : text;
}

function referrerAndAgent(line: string, at: number, entry: Entry): string | null {
  if (isBlankFrom(line, at)) return null;
  if (line.charCodeAt(at) !== BLANK) return 'no blank after the bytes';
  const referrerEnd = quotedEnd(line, at + 1);
  if (referrerEnd < 0 || line.charCodeAt(referrerEnd) !== BLANK) return 'no "referrer" after the bytes';
  const agentEnd = quotedEnd(line, referrerEnd + 1);
  if (agentEnd < 0) return 'no "user agent" after the referrer, or one without its closing quote';
  if (line.charCodeAt(agentEnd) !== BLANK && !isBlankFrom(line, agentEnd)) return 'no blank after the user agent';
  entry.referrer = quotedText(line, at + 1, referrerEnd);
  entry.userAgent = quotedText(line, referrerEnd + 1, agentEnd);
  return null;
}

/**
 * Combined Log Format (Apache, nginx): Common and then `"referrer" "user agent"`.
 *
 * A Common line is one as well, and any fields may follow the agent, as servers are configured to add them.
 */
export function parseCombined(line: string): ParsedLine {
  return parseClf(line, referrerAndAgent);
}
