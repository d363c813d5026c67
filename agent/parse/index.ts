/** Lines to entries. The one way in: `lineParser`. */
import { isBlankFrom, isSpace } from './blank.js';
import { parseCombined } from './combined.js';
import { parseCommon } from './common.js';
import { parseCsv } from './csv.js';
import { detectingParser } from './detect.js';
import type { ParsedLine, ParseLine } from './parsed.js';

export { FirstLines } from './first-lines.js';
export type { ParsedLine, ParseLine } from './parsed.js';
export { PlainClfReader } from './plain-clf.js';

export const FORMATS = ['auto', 'csv', 'common', 'combined'] as const;
export type Format = (typeof FORMATS)[number];

const CARRIAGE_RETURN = 13;
const BYTE_ORDER_MARK = 0xfeff;

/** Without trailing carriage returns, and without a byte order mark. */
function bare(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === CARRIAGE_RETURN) end--;
  const from = line.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
  return from === 0 && end === line.length ? line : line.slice(from, end);
}

function parserOf(format: Format): ParseLine {
  switch (format) {
    case 'auto':
      return detectingParser();
    case 'csv':
      return parseCsv;
    case 'common':
      return parseCommon;
    case 'combined':
      return parseCombined;
  }
}

/** Whether lines that `PlainClfReader` reads are entries in this format, and the same ones. */
export function readsPlainClf(format: Format): boolean {
  return format === 'auto' || format === 'combined';
}

/** A parser of one source's lines, in their order: `auto` remembers what fitted last. */
export function lineParser(format: Format): ParseLine {
  const parse = parserOf(format);
  return (raw: string): ParsedLine => {
    const line = bare(raw);
    if (line === '' || (isSpace(line.charCodeAt(0)) && isBlankFrom(line, 0))) return null;
    return parse(line);
  };
}
