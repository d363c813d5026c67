/** Chunks of so many entries take hardly more bytes a line than the largest: they are left as they are. */
export const LARGE_ENTRIES = 2_048;
/** Chunks are first joined with those taken in within the same five minutes. */
const FIRST_SLOT_SECONDS = 300;
/** Those that are still small then, once more: within the same day at most. */
const SECOND_SLOT_SECONDS = 86_400;
/** Slots are so much of the keep at most: a joined chunk expires when its newest entries do. */
const SLOT_OF_KEEP = 1 / 12;
/** Shorter slots hold too few chunks to be worth it, and so soon after being taken in none is joined. */
const LEAST_SECONDS = 60;

/** What of a chunk says when it is joined. */
export interface Joinable {
  agentId: string;
  takenInMs: number;
  keepSeconds: number;
  /** Longest shorter keep among its batch's entries, seconds; 0: there is none. */
  shorterSeconds: number;
  /** Entries that it holds. */
  count: number;
  /** It is of several batches, or has found none to be joined with. */
  isJoined: boolean;
}

/**
 * When a chunk is joined with its stream's others of the same keep and slot of time; null: never.
 *
 * At each instant a batch's chunk of the shortest keep alone is due, and takes the others along: what is kept longer is
 * joined by itself once what is kept shorter has expired. Agents' slots end at different times.
 *
 * @returns milliseconds since the epoch; of one that was not joined yet it may have passed.
 */
export function joinAtMs(chunk: Joinable, nowMs: number): number | null {
  const { agentId, takenInMs, keepSeconds, shorterSeconds, count, isJoined } = chunk;
  const slotSeconds = slotOf(keepSeconds, isJoined);
  if (count >= LARGE_ENTRIES || slotSeconds === null) return null;
  const slotMs = Math.floor(slotSeconds * 1_000);
  const phaseMs = Number.parseInt(agentId.slice(0, 8), 16) % slotMs;
  const slotEndMs = (Math.floor((takenInMs - phaseMs) / slotMs) + 1) * slotMs + phaseMs;
  const atMs = slotEndMs + Math.max(LEAST_SECONDS, shorterSeconds) * 1_000;
  if (atMs >= takenInMs + keepSeconds * 1_000 || (isJoined && atMs <= nowMs)) return null;
  return atMs;
}

function slotOf(keepSeconds: number, isJoined: boolean): number | null {
  const longest = Math.min(SECOND_SLOT_SECONDS, keepSeconds * SLOT_OF_KEEP);
  const first = Math.min(FIRST_SLOT_SECONDS, longest);
  if (first < LEAST_SECONDS) return null;
  if (!isJoined) return first;
  return longest > first ? longest : null;
}
