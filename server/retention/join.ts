import { setImmediate as nextTurn } from 'node:timers/promises';
import { BATCH_ENTRIES_MAX, type DecodedBatch, TEXT_COLUMNS } from '../../schema/log-batch.js';
import { joinAtMs } from '../core/retention/join.js';
import type { Database, Transaction } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { lockAgentById } from '../store/sql/agent.sql.js';
import { type DueChunk, dueChunks, dueGroups, type JoinGroup, postponeJoin } from '../store/sql/join.sql.js';
import { merged, readChunksOf, rewriteBatches, type StoredBatch, storedBatch } from './rewrite.js';
import { RetentionCache } from './settings.js';

/** Chunks of one look for what is due. */
const DUE_AT_ONCE = 50_000;
/** Of one transaction, for which ingest of the agent waits: chunks, and bytes of them. */
const CHUNKS_AT_ONCE = 1_024;
const BYTES_AT_ONCE = 2 ** 21;
/** Characters of a joined batch's texts, about what a request may bring. */
const TEXT_MAX = 2 ** 24;
/** Batches that are decoded before others have a turn. */
const BATCHES_A_TURN = 64;
/** A run ends after this, the other jobs wait for it. */
const RUN_MS = 45_000;

/** What a run made of what it found. */
export interface Joined {
  batches: number;
  into: number;
}

/**
 * Joins chunks that are due with their stream's others of the same slot of time, into ones of up to BATCH_ENTRIES_MAX
 * entries. Any number of servers may do so, and be killed: what is joined is replaced in one transaction, under the
 * agent's lock.
 */
export async function joinDue(db: Database): Promise<Joined> {
  const retention = new RetentionCache();
  const joined = { batches: 0, into: 0 };
  const endsAt = performance.now() + RUN_MS;
  let groups: JoinGroup[];
  do {
    groups = await dueGroups(db, DUE_AT_ONCE);
    let progress = 0;
    for (const group of groups) {
      if (performance.now() >= endsAt) return joined;
      progress += await joinGroup(db, group, retention, joined);
    }
    if (progress === 0) return joined;
  } while (groups.length > 0);
  return joined;
}

/** @returns chunks of the group that are due no more. */
async function joinGroup(db: Database, group: JoinGroup, retention: RetentionCache, joined: Joined): Promise<number> {
  let progress = 0;
  for (;;) {
    const batches = await withPartitions(db, () =>
      db.inTenants([group.tenantId], (tx) => joinSome(tx, group, retention)),
    );
    if (batches === 0) return progress;
    progress += batches;
    if (batches === 1) continue;
    joined.batches += batches;
    joined.into++;
  }
}

/** Joins the first of a group, as many as fit. Returns how many these were: a single one is left as it is. */
async function joinSome(tx: Transaction, group: JoinGroup, retention: RetentionCache): Promise<number> {
  const { tenantId, agentId } = group;
  const agent = await lockAgentById(tx.sql, tenantId, agentId);
  if (!agent) return 0;
  const settings = await retention.read(tx, tenantId);
  const due = fitting(await dueChunks(tx.sql, group, settings.version, CHUNKS_AT_ONCE));
  const batches = due.length > 1 ? await readFitting(tx, group, due, agent.nowMs) : [];
  if (batches.length > 1) {
    await rewriteBatches(tx, batches, [await joinedOf(batches)], settings, agent.nowMs);
    return batches.length;
  }
  if (due.length === 0) return 0;
  const [{ from, takenInMs, entries }] = due;
  const joinable = { ...group, takenInMs, shorterSeconds: 0, count: entries, isJoined: true };
  await postponeJoin(tx.sql, group, from, joinAtMs(joinable, agent.nowMs));
  return 1;
}

/** The first of them that one batch may hold, by what is known of them unread. */
function fitting(due: readonly DueChunk[]): readonly DueChunk[] {
  let [entries, bytes] = [0, 0];
  const end = due.findIndex((chunk) => {
    entries += chunk.entries;
    bytes += chunk.bodyBytes;
    return entries > BATCH_ENTRIES_MAX || bytes > BYTES_AT_ONCE;
  });
  return end === -1 ? due : due.slice(0, Math.max(1, end));
}

/** The first of them that one batch may hold. */
async function readFitting(
  tx: Transaction,
  { tenantId, agentId, streamId }: JoinGroup,
  due: readonly DueChunk[],
  nowMs: number,
): Promise<StoredBatch[]> {
  const keys = due.map(({ from }) => ({ tenantId, agentId, streamId, from }));
  const batches: StoredBatch[] = [];
  let [entries, text] = [0, 0];
  for (const chunks of await readChunksOf(tx, keys, nowMs)) {
    const stored = await storedBatch(tenantId, chunks);
    entries += stored.batch.count;
    text += textOf(stored.batch);
    if (entries > BATCH_ENTRIES_MAX || text > TEXT_MAX) break;
    batches.push(stored);
    if (batches.length % BATCHES_A_TURN === 0) await nextTurn();
  }
  return batches;
}

function textOf({ columns }: DecodedBatch): number {
  let length = 0;
  for (const name of TEXT_COLUMNS) for (const text of columns[name].dict) length += text.length;
  return length;
}

/** It expires when its newest entries do. */
async function joinedOf(batches: readonly StoredBatch[]): Promise<StoredBatch> {
  const takenInMs = batches.reduce((newest, stored) => Math.max(newest, stored.takenInMs), 0);
  return { key: batches[0].key, takenInMs, ...(await merged(batches)) };
}
