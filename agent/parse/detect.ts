import { parseCombined } from './combined.js';
import { parseCsv } from './csv.js';
import type { ParsedLine, ParseLine } from './parsed.js';

const NO_FORMAT = 'fits none of the formats csv, common, combined';

/** The reason worth reading is that of the format that a line was meant in. */
function likelyReason(line: string, reasons: { clf: string; csv: string }): string {
  if (/^\S+ \S+ \S+ \[/.test(line)) return reasons.clf;
  if (line.split(',', 6).length > 5 && !line.includes('[')) return reasons.csv;
  return NO_FORMAT;
}

/**
 * Finds each line's format by itself: first the one that fitted last, then the other.
 *
 * So it does not matter where reading begins, and a server whose log format is changed needs no new agent. Combined
 * takes Common lines too, and no line is at once CSV and one of these unless made to be.
 */
export function detectingParser(): ParseLine {
  let csvLast = false;
  return (line: string): ParsedLine => {
    const first = csvLast ? parseCsv(line) : parseCombined(line);
    if (typeof first !== 'string') return first;
    const second = csvLast ? parseCombined(line) : parseCsv(line);
    if (typeof second !== 'string') {
      csvLast = !csvLast;
      return second;
    }
    return likelyReason(line, csvLast ? { csv: first, clf: second } : { clf: first, csv: second });
  };
}
