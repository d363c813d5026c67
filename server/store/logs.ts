import { NONE, sectionOf, splitTarget } from '../../schema/entry.js';
import { type DecodedBatch, type Entry, entryAt } from '../../schema/log-batch.js';
import { ADMITS_NONE, admitting, type LogFilter } from '../core/retention/filter.js';
import { decodeOrigins, type Origins } from '../core/retention/origins.js';
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

/** Where an entry lies: it is made one only where it is asked for. */
export interface LogPlace {
  key: EntryKey;
  agentId: string;
  batch: DecodedBatch;
  place: number;
}

/** A page of places. */
export interface FoundLogs extends Omit<LogPage, 'entries'> {
  found: LogPlace[];
}

/** Decodes a chunk's body. */
export type ReadBatch = (body: Buffer) => Promise<DecodedBatch>;

/** A chunk's entries, decoded. */
export interface OpenChunk {
  agentId: string;
  streamId: string;
  batch: DecodedBatch;
  origins: Origins;
  mask: Buffer | null;
}

export async function openChunk(
  { agentId, streamId, from, mask, parts, ordinals, body }: ChunkRow,
  read: ReadBatch = batchOfBody,
): Promise<OpenChunk> {
  const batch = await read(body);
  return { agentId, streamId, batch, origins: decodeOrigins({ parts, ordinals }, from, batch.count), mask };
}

/** Which entries of a chunk are asked for. */
export interface Asked {
  filter: LogFilter;
  fromMs: number;
  toMs: number;
  after: EntryKey | null;
}

/** Those entries of a chunk that are asked for, of those that are told still; in the chunk's order. */
export function placesOf(
  { agentId, streamId, batch, origins, mask }: OpenChunk,
  { filter, fromMs, toMs, after }: Asked,
): LogPlace[] {
  const admits = admitting(batch, filter);
  if (admits === ADMITS_NONE) return [];
  const places: LogPlace[] = [];
  for (let place = 0; place < batch.count; place++) {
    const timeMs = batch.timeMs[place];
    if (mask?.[place] || timeMs < fromMs || timeMs >= toMs || !admits(place)) continue;
    const key = { timeMs, streamId, from: origins.from[place], ordinal: origins.ordinal[place] };
    if (after === null || compareKeys(key, after) > 0) places.push({ key, agentId, batch, place });
  }
  return places;
}

/** Raw entries, newest first. */
export async function readLogs(tx: Transaction, query: LogQuery): Promise<LogPage> {
  const { found, ...page } = await findLogs(tx, query);
  return { entries: found.map(storedEntry), ...page };
}

/**
 * Where raw entries lie, newest first, by chunks: those with the newest entries first, until no chunk left can hold an
 * entry newer than the page's last.
 */
export async function findLogs(tx: Transaction, query: LogQuery, read?: ReadBatch): Promise<FoundLogs> {
  const toMs = Math.min(query.toMs, (query.after?.timeMs ?? Number.POSITIVE_INFINITY) + 1);
  let found: LogPlace[] = [];
  for (let offset = 0; ; offset += CHUNKS_AT_ONCE) {
    const chunks = await readChunks(tx.sql, { ...query, toMs, limit: CHUNKS_AT_ONCE, offset });
    for (const chunk of chunks) {
      // What is older than a page that is full already is not of it.
      const fromMs = found.length > query.first ? found[query.first].key.timeMs : query.fromMs;
      const own = placesOf(await openChunk(chunk, read), { ...query, fromMs, toMs });
      if (own.length > 0) found = [...found, ...own].sort(byKey).slice(0, query.first + 1);
    }
    const all = chunks.length < CHUNKS_AT_ONCE;
    // What is left has no entry after this time, so that what is newer is known whole.
    const knownAboveMs = all ? Number.NEGATIVE_INFINITY : chunks[chunks.length - 1].lastMs;
    if (all || (found.length > query.first && found[query.first - 1].key.timeMs > knownAboveMs))
      return fullPage(found, query.first);
    if (offset + CHUNKS_AT_ONCE >= CHUNKS_OF_A_PAGE_MAX && knownAboveMs < toMs - 1) {
      return partialPage(found, query.first, knownAboveMs);
    }
  }
}

const byKey = (a: LogPlace, b: LogPlace) => compareKeys(a.key, b.key);

function fullPage(all: readonly LogPlace[], first: number): FoundLogs {
  const found = all.slice(0, first);
  return { found, hasNextPage: all.length > first, end: found.at(-1)?.key ?? null };
}

function partialPage(all: readonly LogPlace[], first: number, knownAboveMs: number): FoundLogs {
  const found = all.filter(({ key }) => key.timeMs > knownAboveMs).slice(0, first);
  const boundary = { timeMs: knownAboveMs, streamId: BEFORE_ALL, from: 0, ordinal: 0 };
  return { found, hasNextPage: true, end: found.length === first ? found[first - 1].key : boundary };
}

/** The entry that lies there. */
export function storedEntry({ key, agentId, batch, place }: LogPlace): StoredEntry {
  const entry = entryAt(batch, place);
  const { path, query } = entry.target === null ? { path: NONE, query: null } : splitTarget(entry.target);
  return { ...entry, key, agentId, path, query, section: entry.target === null ? NONE : sectionOf(path) };
}
