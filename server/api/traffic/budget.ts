import { keysMax } from '../../core/sketches/tops.js';
import { DIMENSIONS, type Part } from '../../core/windows/breakdown.js';
import { ApiError } from '../../errors.js';

/** Keys of tops that the answers to one request may hold: at 200 bytes each, 400 MB at worst. */
export const REQUEST_KEYS_MAX = 2_000_000;
/** A sketch of sizes, times or hosts counts as so many keys. */
const SKETCH_KEYS = 100;

/** What breakdowns may take of the server's memory, for all that one request asks. */
export class BreakdownBudget {
  private left = REQUEST_KEYS_MAX;

  /**
   * Takes what so many breakdowns may hold, each as much as a window of `resolution` (seconds) keeps.
   *
   * @throws ApiError QUERY_TOO_COMPLEX where that is more than what is left; nothing is taken then.
   */
  take(breakdowns: number, parts: readonly Part[], resolution: number): void {
    const keys = breakdowns * parts.reduce((sum, part) => sum + keysOf(part, resolution), 0);
    if (keys > this.left)
      throw new ApiError(
        'QUERY_TOO_COMPLEX',
        `${breakdowns} × ${parts.length} breakdowns may hold ${keys} keys; at most ${REQUEST_KEYS_MAX} in one request. ` +
          'Ask for fewer points, a wider step, or less of top, distinctHosts, duration and size.',
      );
    this.left -= keys;
  }
}

function keysOf(part: Part, resolution: number): number {
  return (DIMENSIONS as readonly Part[]).includes(part) ? keysMax(resolution) : SKETCH_KEYS;
}
