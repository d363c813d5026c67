import { parseCombined } from './combined.js';
import { parseCsv } from './csv.js';
import type { ParsedLine, ParseLine } from './parsed.js';

const NO_FORMAT = 'fits none of the formats csv, common, combined';

/** The reason worth reading is that of the format that a line was meant in. */
function likelyReason(line: string, clf: string, csv: string): string {
  if (/^\S+ \S+ \S+ \[/.test(line)) return clf;
  if (line.split(',', 6).length > 5 && !/[[{]/.test(line)) return csv;
  return NO_FORMAT;
}

/**
 * Finds each line's format by itself: first the one that fitted last, then the other.
 *
 * So it does not matter where reading begins, and a server whose log format is changed needs no new agent. Combined
 * takes Common lines too, and no line is at once CSV and one of these unless made to be.
 */
export function detectingParser(): ParseLine {
  let last: 'csv' | 'clf' | null = null;
  return (line: string): ParsedLine => {
    const first = last === 'csv' ? parseCsv(line) : parseCombined(line);
    if (typeof first !== 'string') {
      last ??= 'clf';
      return first;
    }
    const second = last === 'csv' ? parseCombined(line) : parseCsv(line);
    if (typeof second !== 'string') {
      last = last === 'csv' ? 'clf' : 'csv';
      return second;
    }
    return last === null ? likelyReason(line, first, second) : first;
  };
}
