import { UserError } from '../../schema/user-error.js';

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * When a token ends: a span from now on (`90m`, `12h`, `30d`, `4w`), or a time.
 *
 * @param nowMs milliseconds since the epoch
 * @throws UserError where it is neither.
 */
export function expiryOf(given: string, nowMs: number): string {
  const span = /^(\d{1,6})([mhdw])$/.exec(given);
  if (span) return new Date(nowMs + Number(span[1]) * UNIT_MS[span[2]]).toISOString();
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new UserError(`"${given}" is no expiry; expected 12h, 30d, 4w or 2030-01-31T12:00Z`);
  return new Date(timeMs).toISOString();
}
