/**
 * Trials in which guilty entries are searched for: each takes up to 35 ms under the agent's lock, all about a minute. In the
 * largest batch that finds a hundred scattered ones to the place, and of more those within 8 places.
 */
export const TRIALS_MAX = 2_048;

/** Ways to try a batch without the entries at whose places `left` has a 1. */
export interface Trials<Taken> {
  /** Takes the rest in; null: it was refused, and nothing was done. */
  take: (left: Uint8Array) => Promise<Taken | null>;
  /** Whether the rest would be taken in; leaves nothing behind. */
  fits: (left: Uint8Array) => Promise<boolean>;
}

/**
 * Takes a batch in without the entries for which it is refused.
 *
 * @param count entries of the batch
 * @returns null: it is not for its entries that it is refused, and nothing was done.
 */
export async function takeWithoutGuilty<Taken>(
  count: number,
  { take, fits }: Trials<Taken>,
  trialsMax = TRIALS_MAX,
): Promise<Taken | null> {
  const left = new Uint8Array(count);
  const whole = await take(left);
  if (whole !== null) return whole;
  if (count === 0 || !(await fits(left.fill(1)))) return null;
  await putBack(left, fits, trialsMax);
  return take(left);
}

type Block = readonly [from: number, to: number];

/**
 * Puts back all that fits, by halving what does not. The larger blocks come first, so that few innocent entries stay out
 * where the trials are used up; each is tried with all that was put back before, since entries may be refused together only.
 */
async function putBack(left: Uint8Array, fits: Trials<unknown>['fits'], trialsMax: number): Promise<void> {
  const blocks = halves([0, left.length]);
  for (let trial = 0; trial < Math.min(blocks.length, trialsMax); trial++) {
    const [from, to] = blocks[trial];
    left.fill(0, from, to);
    if (await fits(left)) continue;
    left.fill(1, from, to);
    blocks.push(...halves([from, to]));
  }
}

function halves([from, to]: Block): Block[] {
  if (to - from === 1) return [];
  const middle = Math.ceil((from + to) / 2);
  return [
    [from, middle],
    [middle, to],
  ];
}
