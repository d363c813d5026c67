import { cleanText } from '../../schema/log-batch.js';
import { agentWatermarkMs, alertClockMs, decidableUntil, streamWatermarkMs } from '../core/time/clock.js';
import { BatchAggregate } from '../core/windows/aggregate.js';
import { type ApiError, notFound } from '../errors.js';
import { chunksOf, type RetentionCache } from '../retention/index.js';
import type { Transaction } from '../store/database.js';
import { type LockedAgentRow, noteBatches, readClockStreams } from '../store/sql/agent.sql.js';
import { insertChunks } from '../store/sql/chunk.sql.js';
import {
  type AdvanceStream,
  advanceStreams,
  countDuplicate,
  createScriptedStream,
  findStreams,
  type StreamRow,
} from '../store/sql/stream.sql.js';
import type { LockAgents } from './agents.js';
import { type Placed, placeEntries, type Refusal, type Rejection, SAMPLE_LENGTH_MAX } from './place.js';
import type { AppendRequest, AppendResult, Attempt } from './request.js';
import { type CountedBatch, mergeIntoStored } from './windows.js';

/** The stream of batches that name none. */
const DIRECT = 'direct';

/** What came of a batch; nothing was done for one whose agent another holds, or that is not there. */
export type Outcome = AppendResult | ApiError | 'HELD' | 'UNKNOWN_AGENT';

/** A batch whose agent's lock is held. */
interface Locked {
  attempt: Attempt;
  /** Its place in the group. */
  at: number;
  agent: LockedAgentRow;
}

/** One whose stream is known too, and fits. */
interface Fitting extends Locked {
  stream: StreamRow;
  from: number;
  to: number;
  placed: Placed;
}

const nothing = { accepted: 0, late: 0, malformed: 0, quarantined: 0, windowStarts: [] };

/**
 * Compares and appends batches of different agents in one transaction: each statement is for all of them.
 *
 * @throws the database's error, for one batch or for all: the transaction is lost then, and each may be tried alone.
 */
export async function appendGroup(
  tx: Transaction,
  attempts: readonly Attempt[],
  { lock, retention }: { lock: LockAgents; retention: RetentionCache },
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const agents = await lock(
    tx,
    attempts.map(({ request }) => ({ tenantId: request.tenantId, name: request.agentName })),
  );
  const locked: Locked[] = [];
  agents.forEach((agent, at) => {
    if (typeof agent === 'string') outcomes[at] = agent;
    else locked.push({ attempt: attempts[at], at, agent });
  });
  const fitting = await matching(tx, locked, outcomes);
  await wakeAlerts(tx, fitting);
  const advanced = await advance(tx, fitting, outcomes);
  await count(tx, advanced, outcomes);
  await store(tx, advanced, retention);
  await note(tx, advanced);
  return outcomes;
}

const keyOf = ({ attempt, agent }: Locked) => ({ tenantId: attempt.request.tenantId, agentId: agent.id });

/**
 * Those whose position and epoch are the stream's; the locks hold the streams still: what does not fit is known before
 * anything is changed for it.
 */
async function matching(tx: Transaction, locked: readonly Locked[], outcomes: Outcome[]): Promise<Fitting[]> {
  const names = locked.map((one) => ({ ...keyOf(one), idOrName: one.attempt.request.stream?.id ?? DIRECT }));
  const streams = await findStreams(tx.sql, names);
  const fitting: Fitting[] = [];
  for (const [i, one] of locked.entries()) {
    const { attempt, agent, at } = one;
    const { request } = attempt;
    if (streams[i] === undefined && request.stream !== null && request.stream.epoch !== null) {
      outcomes[at] = notFound('Stream');
      continue;
    }
    const stream = streams[i] ?? (await createStream(tx, request, agent.id));
    const lines = request.batch.count + request.malformed + request.skipped;
    const from = request.stream?.from ?? stream.position;
    const to = request.stream?.to ?? stream.position + lines;
    const epoch = request.stream?.epoch ?? null;
    if (stream.position !== from || (epoch !== null && epoch !== stream.epoch)) {
      outcomes[at] = await refuse(tx, one, stream);
      continue;
    }
    const floorMs = agent.windowFloors[agent.windowFloors.length - 1];
    const about = { watermarkMs: streamWatermarkMs(stream), nowMs: agent.nowMs, floorMs, refusal: attempt.refusal };
    fitting.push({ ...one, stream, from, to, placed: placeEntries(request.batch, about) });
  }
  return fitting;
}

function createStream(tx: Transaction, { tenantId, stream }: AppendRequest, agentId: string): Promise<StreamRow> {
  return createScriptedStream(tx.sql, tenantId, agentId, stream?.id ?? DIRECT, stream?.from ?? 0);
}

/** Why the position did not move, in this order: fenced whatever the range, a duplicate, out of sequence. */
async function refuse(tx: Transaction, { attempt, agent }: Locked, stream: StreamRow): Promise<AppendResult> {
  const { tenantId, stream: sent } = attempt.request;
  const answer = { ...nothing, agentId: agent.id, position: stream.position, revision: agent.revision };
  if (sent?.epoch != null && sent.epoch !== stream.epoch) return { ...answer, outcome: 'FENCED' };
  if (sent !== null && sent.to <= stream.position) {
    await countDuplicate(tx.sql, tenantId, agent.id, stream.id);
    return { ...answer, outcome: 'DUPLICATE' };
  }
  return { ...answer, outcome: 'OUT_OF_SEQUENCE' };
}

/** Moves the positions of those that still fit. */
async function advance(tx: Transaction, fitting: readonly Fitting[], outcomes: Outcome[]): Promise<Fitting[]> {
  const moved = await advanceStreams(tx.sql, fitting.map(advanceOf));
  for (const one of fitting) if (!moved.has(one.stream.id)) outcomes[one.at] = await refuse(tx, one, one.stream);
  return fitting.filter(({ stream }) => moved.has(stream.id));
}

function advanceOf(one: Fitting): AdvanceStream {
  const { attempt, stream, from, to, placed } = one;
  const { request, refusal } = attempt;
  const { newestEventMs, accepted, quarantined, late } = placed;
  return {
    ...keyOf(one),
    streamId: stream.id,
    from,
    to,
    epoch: request.stream?.epoch ?? null,
    tail: request.stream?.tail ?? null,
    newestEventMs,
    accepted,
    malformed: malformedOf(one),
    quarantined,
    skipped: request.skipped,
    late,
    rejections: rejectionsOf(request, placed, refusal),
  };
}

const malformedOf = ({ attempt, placed }: Fitting) => attempt.request.malformed + placed.malformed;

/** JSON, the latest first. */
function rejectionsOf(request: AppendRequest, placed: Placed, refusal: Refusal | null): string {
  const rejections = [...request.rejections.map(cleanRejection), ...placed.rejections].reverse();
  // A text for which the database refuses an entry it would refuse as a sample too.
  return JSON.stringify(refusal === null ? rejections : rejections.map(plainRejection));
}

function plainRejection({ position, reason, sample }: Rejection): Rejection {
  const plain = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');
  return { position, reason: plain(reason), sample: plain(sample) };
}

function cleanRejection({ position, reason, sample }: Rejection): Rejection {
  return { position, reason: cleanText(reason, 200), sample: cleanText(sample, SAMPLE_LENGTH_MAX) };
}

/** Merges the windows, and says what came of each batch. */
async function count(tx: Transaction, advanced: readonly Fitting[], outcomes: Outcome[]): Promise<void> {
  const counted: CountedBatch[] = [];
  for (const one of advanced) {
    const { attempt, agent, at, to, placed } = one;
    const { tenantId, batch } = attempt.request;
    const revision = agent.revision + 1;
    const { accepted, late, quarantined } = placed;
    const result = { outcome: 'APPENDED' as const, agentId: agent.id, position: to, accepted, late, quarantined };
    const aggregate = new BatchAggregate(batch, placed.left);
    const windowStarts = [...aggregate.windows.keys()].sort((a, b) => a - b);
    outcomes[at] = { ...result, malformed: malformedOf(one), windowStarts, revision };
    if (accepted > 0) counted.push({ tenantId, agent, revision, aggregate });
  }
  await mergeIntoStored(tx, counted);
}

/** Stores the raw entries. */
async function store(tx: Transaction, advanced: readonly Fitting[], retention: RetentionCache): Promise<void> {
  const chunks = [];
  for (const one of advanced.filter(({ placed }) => placed.accepted > 0)) {
    const { attempt, agent, stream, from, placed } = one;
    const { batch } = attempt.request;
    const key = { ...keyOf(one), streamId: stream.id, from };
    const body = await attempt.body;
    const stored = { key, takenInMs: agent.nowMs, batch, body, ordinals: null, left: placed.left };
    chunks.push(...(await chunksOf(stored, await retention.read(tx, key.tenantId), agent.nowMs)));
  }
  await insertChunks(tx.sql, chunks);
}

/** The agents have said something; their watermarks move to what their streams say now, and never back. */
async function note(tx: Transaction, advanced: readonly Fitting[]): Promise<void> {
  const streams = await readClockStreams(tx.sql, advanced.map(keyOf));
  const noted = advanced.map((one, i) => {
    const { agent, placed } = one;
    const hasEntries = placed.accepted > 0;
    return {
      ...keyOf(one),
      revision: agent.revision + 1,
      firstMs: hasEntries ? placed.firstMs : null,
      lastMs: hasEntries ? placed.lastMs : null,
      watermarkMs: agentWatermarkMs(streams[i], agent.nowMs),
    };
  });
  await noteBatches(tx.sql, noted);
}

/**
 * Before a batch wakes an agent whose alerts rested: the seconds that passed meanwhile were silent, and are decided.
 * Without it a late entry would decide seconds that the clock had passed before it came.
 */
async function wakeAlerts(tx: Transaction, fitting: readonly Fitting[]): Promise<void> {
  const rested = fitting.filter(({ agent, placed }) => agent.alertRested && placed.accepted > 0);
  const streams = await readClockStreams(tx.sql, rested.map(keyOf));
  for (const [i, one] of rested.entries()) {
    const { alertClockMs: knownMs, nowMs } = one.agent;
    const clockMs = Math.max(knownMs ?? 0, alertClockMs(streams[i], nowMs) ?? 0);
    if (clockMs === 0) continue;
    const { tenantId, agentId } = keyOf(one);
    await tx.sql(
      'UPDATE alert_state SET decided_until = $3 WHERE tenant_id = $1 AND agent_id = $2 AND decided_until < $3',
      [tenantId, agentId, decidableUntil(clockMs)],
    );
  }
}
