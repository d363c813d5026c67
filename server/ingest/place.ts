import { cleanText, type DecodedBatch, entryAt } from '../../schema/log-batch.js';
import { isLate, quarantineReason } from '../core/windows/tumbling.js';

/** A line not counted, with why. */
export interface Rejection {
  position: number | null;
  reason: string;
  /** The line, cut at 500 characters. */
  sample: string;
}

/** Characters of a rejected line that are kept. */
export const SAMPLE_LENGTH_MAX = 500;

/** What becomes of a batch's entries. */
export interface Placed {
  /** 1 where the entry is not counted. */
  left: Uint8Array;
  accepted: number;
  late: number;
  malformed: number;
  quarantined: number;
  /** Newest event, each taken as at most the server's clock; null: no entry was accepted. */
  newestEventMs: number | null;
  /** Oldest and newest event of the accepted. */
  firstMs: number;
  lastMs: number;
  rejections: Rejection[];
}

/** Entries that the database refused, a 1 at their places, and its reason. */
export interface Refusal {
  left: Uint8Array;
  reason: string;
}

/** By what a batch's entries are placed. */
export interface Circumstances {
  /** Of the stream before the batch; null: it has no entry yet. */
  watermarkMs: number | null;
  /** The server's clock. */
  nowMs: number;
  /** Below it no window of any resolution is kept. */
  floorMs: number;
  refusal: Refusal | null;
}

/** Samples of entries that the server refused, a batch: enough to see what is wrong. */
const SAMPLES_MAX = 5;

/** Decides each entry of a batch by its time and by what the database said: counted, late, or quarantined. Pure. */
export function placeEntries(batch: DecodedBatch, about: Circumstances): Placed {
  const { watermarkMs, nowMs, floorMs, refusal } = about;
  const placed: Placed = {
    left: new Uint8Array(batch.count),
    accepted: 0,
    late: 0,
    malformed: 0,
    quarantined: 0,
    newestEventMs: null,
    firstMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    rejections: [],
  };
  for (let i = 0; i < batch.count; i++) {
    const eventMs = batch.timeMs[i];
    const isRefused = refusal !== null && refusal.left[i] !== 0;
    const why = isRefused ? refusal.reason : quarantineReason(eventMs, nowMs, floorMs);
    const quarantine = batch.invalid[i] === 0 ? why : null;
    if (batch.invalid[i] !== 0 || quarantine !== null) {
      placed.left[i] = 1;
      if (quarantine === null) placed.malformed++;
      else placed.quarantined++;
      if (placed.rejections.length < SAMPLES_MAX) placed.rejections.push(rejectionOf(batch, i, quarantine));
      continue;
    }
    placed.accepted++;
    if (isLate(eventMs, watermarkMs)) placed.late++;
    if (eventMs < placed.firstMs) placed.firstMs = eventMs;
    if (eventMs > placed.lastMs) placed.lastMs = eventMs;
  }
  if (placed.accepted > 0) placed.newestEventMs = Math.min(placed.lastMs, nowMs);
  return placed;
}

function rejectionOf(batch: DecodedBatch, i: number, quarantine: string | null): Rejection {
  const { timeMs, ...entry } = entryAt(batch, i);
  const time = Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
  // Cut between characters: half of one is no text, and would have the database refuse the batch, for ever.
  const sample = cleanText(JSON.stringify({ time, ...entry }), SAMPLE_LENGTH_MAX);
  return { position: null, reason: quarantine ?? 'a number out of range', sample };
}
