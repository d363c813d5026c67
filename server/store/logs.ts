import { NONE, sectionOf, splitTarget } from '../../schema/entry.js';
import { type DecodedBatch, type Entry, entryAt } from '../../schema/log-batch.js';
import { admitting, type LogFilter } from '../core/retention/filter.js';
import { decodeOrdinals } from '../core/retention/ordinals.js';
import { batchOfBody } from './chunk-body.js';
import type { Transaction } from './database.js';
import { type ChunkRow, readChunks } from './sql/chunk.sql.js';

/** An entry's place: by time, then by stream, its batch's `from`, and its ordinal in the batch. Survives rewriting. */
export interface EntryKey {
  timeMs: number;
  streamId: string;
  from: number;
  ordinal: number;
}

export interface StoredEntry extends Entry {
  key: EntryKey;
  agentId: string;
  path: string;
  query: string | null;
  section: string;
}

export interface LogQuery {
  tenantId: string;
  agentIds: readonly string[] | null;
  fromMs: number;
  toMs: number;
  filter: LogFilter;
  first: number;
  after: EntryKey | null;
}

export interface LogPage {
  entries: StoredEntry[];
  /** There may be more. */
  hasNextPage: boolean;
  /** Where to go on from. */
  end: EntryKey | null;
}

/** Chunks read at a time, and of one page at most where nothing matches: a page then ends early, and is gone on from. */
const CHUNKS_AT_ONCE = 16;
const CHUNKS_OF_A_PAGE_MAX = 256;
/** Above every stream's id: the place before all entries of a time. */
const BEFORE_ALL = '~';

/** Newest first. */
export function compareKeys(a: EntryKey, b: EntryKey): number {
  if (a.timeMs !== b.timeMs) return b.timeMs - a.timeMs;
  if (a.streamId !== b.streamId) return a.streamId < b.streamId ? 1 : -1;
  return b.from - a.from || b.ordinal - a.ordinal;
}

/**
 * Raw entries, newest first, by chunks: those with the newest entries first, until no chunk left can hold an entry
 * newer than the page's last.
 */
export async function readLogs(tx: Transaction, query: LogQuery): Promise<LogPage> {
  const toMs = Math.min(query.toMs, (query.after?.timeMs ?? Number.POSITIVE_INFINITY) + 1);
  let found: StoredEntry[] = [];
  for (let offset = 0; ; offset += CHUNKS_AT_ONCE) {
    const chunks = await readChunks(tx.sql, { ...query, toMs, limit: CHUNKS_AT_ONCE, offset });
    for (const chunk of chunks) {
      for (const entry of await matching(chunk, query, toMs)) found.push(entry);
    }
    found = found.sort((a, b) => compareKeys(a.key, b.key)).slice(0, query.first + 1);
    const all = chunks.length < CHUNKS_AT_ONCE;
    // What is left has no entry after this time, so that what is newer is known whole.
    const knownAboveMs = all ? Number.NEGATIVE_INFINITY : chunks[chunks.length - 1].lastMs;
    if (all || (found.length > query.first && found[query.first - 1].timeMs > knownAboveMs))
      return fullPage(found, query.first);
    if (offset + CHUNKS_AT_ONCE >= CHUNKS_OF_A_PAGE_MAX && knownAboveMs < toMs - 1) {
      return partialPage(found, query.first, knownAboveMs);
    }
  }
}

function fullPage(found: StoredEntry[], first: number): LogPage {
  const entries = found.slice(0, first);
  return { entries, hasNextPage: found.length > first, end: entries.at(-1)?.key ?? null };
}

function partialPage(found: StoredEntry[], first: number, knownAboveMs: number): LogPage {
  const known = found.filter((entry) => entry.timeMs > knownAboveMs).slice(0, first);
  const boundary = { timeMs: knownAboveMs, streamId: BEFORE_ALL, from: 0, ordinal: 0 };
  return { entries: known, hasNextPage: true, end: known.length === first ? known[first - 1].key : boundary };
}

async function matching(chunk: ChunkRow, query: LogQuery, toMs: number): Promise<StoredEntry[]> {
  const batch = await batchOfBody(chunk.body);
  const admits = admitting(batch, query.filter);
  const ordinals = chunk.ordinals && decodeOrdinals(chunk.ordinals);
  const entries: StoredEntry[] = [];
  for (let place = 0; place < batch.count; place++) {
    const timeMs = batch.timeMs[place];
    if (chunk.mask?.[place] || timeMs < query.fromMs || timeMs >= toMs || !admits(place)) continue;
    const key = { timeMs, streamId: chunk.streamId, from: chunk.from, ordinal: ordinals?.[place] ?? place };
    if (query.after !== null && compareKeys(key, query.after) <= 0) continue;
    entries.push(storedEntry(batch, place, chunk.agentId, key));
  }
  return entries;
}

function storedEntry(batch: DecodedBatch, place: number, agentId: string, key: EntryKey): StoredEntry {
  const entry = entryAt(batch, place);
  const { path, query } = entry.target === null ? { path: NONE, query: null } : splitTarget(entry.target);
  return { ...entry, key, agentId, path, query, section: entry.target === null ? NONE : sectionOf(path) };
}
