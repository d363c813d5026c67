/** Whole numbers in the middle of a line, read without cutting it up. */

const ZERO = 48;
const NINE = 57;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** The number that `text[from, to)` spells in ASCII digits; -1 where it is none. Inexact beyond 2^53. */
export function digitsValue(text: string, from: number, to: number): number {
  if (from >= to) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1; // beyond the text's end, too
    value = value * 10 + (code - ZERO);
  }
  return value;
}
