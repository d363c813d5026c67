import type { TimeframeInput } from '../../schema/inputs/read.input.js';
import { badInput } from '../errors.js';

/** Half-open, milliseconds. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/**
 * What a timeframe says: from and to (now where absent); or last, ending at to (now where absent).
 *
 * @param clock the database's, milliseconds
 * @throws ApiError BAD_USER_INPUT for anything else.
 */
export async function spanOf(input: TimeframeInput, clock: { now(): Promise<number> }): Promise<Span> {
  const from = input.from ?? null;
  const last = input.last ?? null;
  if ((from === null) === (last === null))
    throw badInput('A timeframe has either from, or last; and to, where it is not now.');
  const toMs = input.to?.getTime() ?? (await clock.now());
  const fromMs = from?.getTime() ?? toMs - last! * 1_000;
  if (fromMs >= toMs) throw badInput('A timeframe begins before it ends.');
  return { fromMs, toMs };
}

/** A page's size. @throws ApiError BAD_USER_INPUT outside of 1 to `max`. */
export function pageSize(first: number, max: number): number {
  if (first < 1 || first > max) throw badInput(`first is ${first}; expected 1 to ${max}.`);
  return first;
}

export function encodeCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws ApiError BAD_USER_INPUT where it is none of ours. */
export function decodeCursor(cursor: string, length: number): (string | number)[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (
      Array.isArray(parts) &&
      parts.length === length &&
      parts.every((part) => ['string', 'number'].includes(typeof part))
    ) {
      return parts as (string | number)[];
    }
  } catch {
    // Said below.
  }
  throw badInput('after is no cursor of this list.');
}
