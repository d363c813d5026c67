import { cleanText } from '../../schema/log-batch.js';
import type { LogRetention } from '../core/retention/layout.js';
import { originsOf } from '../core/retention/origins.js';
import { alertClockMs, decidableUntil, streamWatermarkMs } from '../core/time/clock.js';
import { BatchAggregate } from '../core/windows/aggregate.js';
import { notFound } from '../errors.js';
import { chunksOf, type RetentionCache } from '../retention/index.js';
import { allEnded } from '../store/all-ended.js';
import type { Transaction } from '../store/database.js';
import { type LockedAgentRow, noteBatches, readClockStreams, reviseAlerts } from '../store/sql/agent.sql.js';
import { insertChunks } from '../store/sql/chunk.sql.js';
import {
  type AdvanceStream,
  advanceStreams,
  countDuplicate,
  createScriptedStream,
  findStreams,
  type StreamRow,
} from '../store/sql/stream.sql.js';
import { type LockAgents, watermarksOf } from './agents.js';
import type { CountsAhead } from './ahead.js';
import { Breather } from './breather.js';
import type { CountedBatch } from './counted-batch.js';
import type { OpenedWindows } from './open-windows.js';
import { type Placed, placeEntries, type Refusal, type Rejection, SAMPLE_LENGTH_MAX } from './place.js';
import type { AppendRequest, AppendResult, Attempt } from './request.js';
import { type BatchOfAgent, countForRules } from './rule-counts.js';
import type { Outcome } from './together.js';
import { mergeIntoStored } from './windows.js';

/** The stream of batches that name none. */
const DIRECT = 'direct';

/** A batch whose agent's lock is held. */
interface Locked {
  attempt: Attempt;
  /** Its place in the group. */
  at: number;
  agent: LockedAgentRow;
  /** Undefined: there is none. */
  stream: StreamRow | undefined;
}

/** One whose stream is known too, and fits. */
interface Fitting extends Locked {
  stream: StreamRow;
  from: number;
  to: number;
  placed: Placed;
}

/** What appending takes beside the batches. */
interface HowToAppend {
  lock: LockAgents;
  retention: RetentionCache;
  opened: OpenedWindows;
  ahead: CountsAhead;
}

const nothing = { accepted: 0, late: 0, malformed: 0, quarantined: 0, windowStarts: [], stored: null };

/**
 * Compares and appends batches of different agents in one transaction: each statement is for all of them.
 *
 * @throws the database's error, for one batch or for all: the transaction is lost then, and each may be tried alone.
 */
export async function appendGroup(
  tx: Transaction,
  attempts: readonly Attempt[],
  { lock, retention, opened, ahead }: HowToAppend,
): Promise<Outcome<AppendResult>[]> {
  const outcomes: Outcome<AppendResult>[] = [];
  const names = attempts.map(({ request }) => ({ tenantId: request.tenantId, name: request.agentName }));
  // Looked for once the agents are locked, though sent at once.
  const [agents, streams] = await allEnded([lock(tx, names), streamsOf(tx, attempts)]);
  const locked: Locked[] = [];
  agents.forEach((agent, at) => {
    if (typeof agent === 'string') outcomes[at] = agent;
    else locked.push({ attempt: attempts[at], at, agent, stream: streams[at] });
  });
  await findMissing(tx, locked);
  const fitting = await matching(tx, locked, outcomes);
  await wakeAlerts(tx, fitting);
  const advanced = await advance(tx, fitting, outcomes);
  // What is counted last keeps this thread busy, and PostgreSQL has the rest to do meanwhile.
  await allEnded([
    note(tx, advanced),
    store(tx, advanced, retention),
    count(tx, advanced, outcomes, { opened, ahead }),
  ]);
  return outcomes;
}

function streamsOf(tx: Transaction, attempts: readonly Attempt[]): Promise<(StreamRow | undefined)[]> {
  const asked = attempts.map(({ request: { tenantId, agentName, stream } }) => ({
    tenantId,
    agentName,
    idOrName: stream?.id ?? DIRECT,
  }));
  return findStreams(tx.sql, asked);
}

/** One that was not found may have been made by whoever registered its agent while its lock was waited for. */
async function findMissing(tx: Transaction, locked: readonly Locked[]): Promise<void> {
  const missing = locked.filter(({ stream }) => stream === undefined);
  const found = await streamsOf(
    tx,
    missing.map(({ attempt }) => attempt),
  );
  missing.forEach((one, i) => {
    one.stream = found[i];
  });
}

const keyOf = ({ attempt, agent }: Locked) => ({ tenantId: attempt.request.tenantId, agentId: agent.id });

/**
 * Those whose position and epoch are the stream's; the locks hold the streams still: what does not fit is known before
 * anything is changed for it.
 */
async function matching(
  tx: Transaction,
  locked: readonly Locked[],
  outcomes: Outcome<AppendResult>[],
): Promise<Fitting[]> {
  const fitting: Fitting[] = [];
  for (const one of locked) {
    const { attempt, agent, at } = one;
    const { request } = attempt;
    if (one.stream === undefined && request.stream !== null && request.stream.epoch !== null) {
      outcomes[at] = notFound('Stream');
      continue;
    }
    const stream = one.stream ?? (await createStream(tx, request, agent.id));
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
async function advance(
  tx: Transaction,
  fitting: readonly Fitting[],
  outcomes: Outcome<AppendResult>[],
): Promise<Fitting[]> {
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

/** Merges the windows and the rules' counts, and says what came of each batch. */
async function count(
  tx: Transaction,
  advanced: readonly Fitting[],
  outcomes: Outcome<AppendResult>[],
  { opened, ahead }: Pick<HowToAppend, 'opened' | 'ahead'>,
): Promise<void> {
  const counted: (CountedBatch & BatchOfAgent)[] = [];
  const breather = new Breather();
  for (const one of advanced) {
    const { attempt, agent, at, stream, from, to, placed } = one;
    const { tenantId, batch } = attempt.request;
    const stored = { streamId: stream.id, from, left: placed.left };
    const revision = agent.revision + 1;
    const { accepted, late, quarantined } = placed;
    const result = { outcome: 'APPENDED' as const, agentId: agent.id, position: to, accepted, late, quarantined };
    const known = accepted === batch.count ? ahead.take(attempt.request, agent) : undefined;
    const aggregate = known ?? new BatchAggregate(batch, placed.left);
    outcomes[at] = { ...result, malformed: malformedOf(one), windowStarts: [...aggregate.starts], revision, stored };
    if (accepted > 0) counted.push({ tenantId, agent, revision, aggregate, batch, left: placed.left });
    await breather.counts(known === undefined ? accepted : 0);
  }
  await allEnded([countForRules(tx, counted), mergeIntoStored(tx, counted, opened)]);
}

/** Stores the raw entries. */
async function store(tx: Transaction, advanced: readonly Fitting[], retention: RetentionCache): Promise<void> {
  const chunks = [];
  const byTenant = new Map<string, LogRetention>();
  for (const tenantId of new Set(advanced.map((one) => keyOf(one).tenantId)))
    byTenant.set(tenantId, await retention.read(tx, tenantId));
  for (const one of advanced.filter(({ placed }) => placed.accepted > 0)) {
    const { attempt, agent, stream, from, placed } = one;
    const { batch } = attempt.request;
    const key = { ...keyOf(one), streamId: stream.id, from };
    const body = await attempt.body;
    const stored = {
      key,
      takenInMs: agent.nowMs,
      batch,
      body,
      origins: originsOf(from, batch.count),
      left: placed.left,
    };
    chunks.push(...(await chunksOf(stored, byTenant.get(key.tenantId)!, agent.nowMs)));
  }
  await insertChunks(tx.sql, chunks);
}

/** The agents have said something; their watermarks move to what their streams say now, and never back. */
async function note(tx: Transaction, advanced: readonly Fitting[]): Promise<void> {
  const watermarks = await watermarksOf(
    tx,
    advanced.map((one) => ({ tenantId: keyOf(one).tenantId, agent: one.agent })),
  );
  const noted = advanced.map((one, i) => {
    const { agent, placed } = one;
    const hasEntries = placed.accepted > 0;
    return {
      ...keyOf(one),
      revision: agent.revision + 1,
      firstMs: hasEntries ? placed.firstMs : null,
      lastMs: hasEntries ? placed.lastMs : null,
      watermarkMs: watermarks[i],
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
  if (rested.length === 0) return;
  const streams = await readClockStreams(tx.sql, rested.map(keyOf));
  const clocks = rested.map(({ agent }, i) =>
    Math.max(agent.alertClockMs ?? 0, alertClockMs(streams[i], agent.nowMs) ?? 0),
  );
  await tx.sql(
    `UPDATE alert_state t SET decided_until = c.until FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS c (tenant_id, agent_id, until)
     WHERE t.tenant_id = c.tenant_id AND t.agent_id = c.agent_id AND t.decided_until < c.until`,
    [rested.map((one) => keyOf(one).tenantId), rested.map((one) => keyOf(one).agentId), clocks.map(decidableUntil)],
    { name: 'wake-alerts' },
  );
  await reviseAlerts(tx.sql, rested.map(keyOf));
}
