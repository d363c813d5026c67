import type { Logger } from 'pino';
import { cleanText, type DecodedBatch, type LogBatch } from '../../schema/log-batch.js';
import { originsOf } from '../core/retention/origins.js';
import { alertClockMs, decidableUntil, streamWatermarkMs } from '../core/time/clock.js';
import { BatchAggregate } from '../core/windows/aggregate.js';
import { ApiError, exhausted, isTransient, notFound } from '../errors.js';
import { RetentionCache, storeBatch } from '../retention/index.js';
import { deflated } from '../store/chunk-body.js';
import type { Database, Transaction } from '../store/database.js';
import { withPartitions } from '../store/partitions.js';
import { type LockedAgentRow, readClockStreams } from '../store/sql/agent.sql.js';
import {
  advanceStream,
  countDuplicate,
  createScriptedStream,
  findStream,
  type StreamRow,
} from '../store/sql/stream.sql.js';
import { lockOrRegisterAgent, moveWatermark } from './agents.js';
import { appendWithoutGuilty, refusesBatch } from './isolate.js';
import { type Placed, placeEntries, type Refusal, type Rejection, SAMPLE_LENGTH_MAX } from './place.js';
import { mergeIntoStored } from './windows.js';

export type { Rejection };

/** The stream of batches that name none. */
const DIRECT = 'direct';

export interface AppendRequest {
  tenantId: string;
  agentName: string;
  /** Null: the agent's stream `direct`, whose position the server advances by the number of lines. */
  stream: {
    id: string;
    epoch: number | null;
    tail: { length: number; sha256: string } | null;
    from: number;
    to: number;
  } | null;
  /** As it came, for the chunk. */
  wire: LogBatch;
  batch: DecodedBatch;
  /** Lines that the agent could not parse, and left out. */
  malformed: number;
  skipped: number;
  rejections: Rejection[];
}

export interface AppendResult {
  outcome: 'APPENDED' | 'DUPLICATE' | 'OUT_OF_SEQUENCE' | 'FENCED';
  agentId: string;
  /** From which the server expects the stream to go on. */
  position: number | null;
  accepted: number;
  late: number;
  malformed: number;
  quarantined: number;
  /** Starts of the windows that changed, milliseconds; empty where nothing did. */
  windowStarts: number[];
  revision: number;
}

/** Takes batches in, each exactly once: compare and append in one transaction. */
export class Ingest {
  private readonly retention = new RetentionCache();

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onAppended: (tenantId: string, result: AppendResult) => void,
  ) {}

  /**
   * Appends a batch, or says why not; sent again, it changes nothing.
   *
   * @throws ApiError RESOURCE_EXHAUSTED where the database is busy or away: nothing was done, or its outcome is found
   * out by sending again.
   */
  async append(request: AppendRequest): Promise<AppendResult> {
    // Beside the transaction: it is needed at its end only.
    const body = deflated(chunkOf(request.wire));
    body.catch(() => undefined);
    try {
      const result = await this.take(request, body);
      if (result.outcome === 'APPENDED') this.onAppended(request.tenantId, result);
      return result;
    } catch (error) {
      throw error instanceof ApiError || !isTransient(error) ? error : exhausted(500);
    }
  }

  private async take(request: AppendRequest, body: Promise<Buffer>): Promise<AppendResult> {
    const inTransaction = (work: (tx: Transaction) => Promise<AppendResult>) =>
      withPartitions(this.db, () => this.db.inTenants([request.tenantId], work));
    const append = (tx: Transaction, refusal: Refusal | null) => appendIn(tx, request, body, this.retention, refusal);
    try {
      return await inTransaction((tx) => append(tx, null));
    } catch (error) {
      if (!refusesBatch(error)) throw error;
      return inTransaction((tx) => appendWithoutGuilty(tx, request, error, (refusal) => append(tx, refusal), this.log));
    }
  }
}

/** Known columns only: what else an agent sent along is not ours to keep. */
function chunkOf({ version, count, base, time, status, bytes, duration, columns }: LogBatch): LogBatch {
  return { version, count, base, time, status, bytes, ...(duration ? { duration } : {}), columns };
}

const nothing = { accepted: 0, late: 0, malformed: 0, quarantined: 0, windowStarts: [] };

async function appendIn(
  tx: Transaction,
  request: AppendRequest,
  body: Promise<Buffer>,
  retention: RetentionCache,
  refusal: Refusal | null,
): Promise<AppendResult> {
  const { tenantId, batch } = request;
  const agent = await lockOrRegisterAgent(tx, tenantId, request.agentName);
  const stream = await streamFor(tx, request, agent.id);
  const lines = batch.count + request.malformed + request.skipped;
  const from = request.stream?.from ?? stream.position;
  const to = request.stream?.to ?? stream.position + lines;
  const epoch = request.stream?.epoch ?? null;
  // The agent's lock holds the stream still: what does not fit is known before anything is changed for it.
  if (stream.position !== from || (epoch !== null && epoch !== stream.epoch)) return refuse(tx, request, agent, stream);
  const floorMs = agent.windowFloors[agent.windowFloors.length - 1];
  const about = { watermarkMs: streamWatermarkMs(stream), nowMs: agent.nowMs, floorMs, refusal };
  const placed = placeEntries(batch, about);
  const malformed = request.malformed + placed.malformed;

  await wakeAlerts(tx, tenantId, agent, placed);
  const advanced = await advanceStream(tx.sql, {
    tenantId,
    agentId: agent.id,
    streamId: stream.id,
    from,
    to,
    epoch,
    tail: request.stream?.tail ?? null,
    newestEventMs: placed.newestEventMs,
    accepted: placed.accepted,
    malformed,
    quarantined: placed.quarantined,
    skipped: request.skipped,
    late: placed.late,
    rejections: rejectionsOf(request, placed, refusal),
  });
  if (!advanced) return refuse(tx, request, agent, stream);

  const revision = agent.revision + 1;
  const aggregate = new BatchAggregate(batch, placed.left);
  if (placed.accepted > 0) await mergeIntoStored(tx, tenantId, agent, revision, aggregate);
  const windowStarts = [...aggregate.windows.keys()].sort((a, b) => a - b);
  if (placed.accepted > 0) {
    const key = { tenantId, agentId: agent.id, streamId: stream.id, from };
    const origins = originsOf(from, batch.count);
    const stored = { key, takenInMs: agent.nowMs, batch, body: await body, origins, left: placed.left };
    await storeBatch(tx, stored, await retention.read(tx, tenantId), agent.nowMs);
  }
  await noteBatch(tx, tenantId, agent.id, revision, placed);
  await moveWatermark(tx, tenantId, agent.id, agent.nowMs);
  const { accepted, late, quarantined } = placed;
  const outcome = 'APPENDED' as const;
  return { outcome, agentId: agent.id, position: to, accepted, late, malformed, quarantined, windowStarts, revision };
}

async function streamFor(tx: Transaction, { tenantId, stream }: AppendRequest, agentId: string): Promise<StreamRow> {
  const found = await findStream(tx.sql, tenantId, agentId, stream?.id ?? DIRECT);
  if (found) return found;
  if (stream !== null && stream.epoch !== null) throw notFound('Stream');
  return createScriptedStream(tx.sql, tenantId, agentId, stream?.id ?? DIRECT, stream?.from ?? 0);
}

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

/** Why the position did not move, in this order: fenced whatever the range, a duplicate, out of sequence. */
async function refuse(
  tx: Transaction,
  { tenantId, stream: sent }: AppendRequest,
  agent: LockedAgentRow,
  stream: StreamRow,
): Promise<AppendResult> {
  const answer = { ...nothing, agentId: agent.id, position: stream.position, revision: agent.revision };
  if (sent?.epoch != null && sent.epoch !== stream.epoch) return { ...answer, outcome: 'FENCED' };
  if (sent !== null && sent.to <= stream.position) {
    await countDuplicate(tx.sql, tenantId, agent.id, stream.id);
    return { ...answer, outcome: 'DUPLICATE' };
  }
  return { ...answer, outcome: 'OUT_OF_SEQUENCE' };
}

async function noteBatch(
  tx: Transaction,
  tenantId: string,
  agentId: string,
  revision: number,
  placed: Placed,
): Promise<void> {
  const hasEntries = placed.accepted > 0;
  await tx.sql(
    `UPDATE agent SET revision = $3, last_seen_at = clock_timestamp(), last_batch_at = clock_timestamp(), ended_at = NULL, hidden_at = NULL,
       first_event_ms = least(first_event_ms, $4), last_event_ms = greatest(last_event_ms, $5),
       alert_rested = alert_rested AND NOT $6
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, agentId, revision, hasEntries ? placed.firstMs : null, hasEntries ? placed.lastMs : null, hasEntries],
  );
}

/**
 * Before a batch wakes an agent whose alerts rested: the seconds that passed meanwhile were silent, and are decided.
 * Without it a late entry would decide seconds that the clock had passed before it came.
 */
async function wakeAlerts(tx: Transaction, tenantId: string, agent: LockedAgentRow, placed: Placed): Promise<void> {
  if (!agent.alertRested || placed.accepted === 0) return;
  const streams = await readClockStreams(tx.sql, tenantId, agent.id);
  const clockMs = Math.max(agent.alertClockMs ?? 0, alertClockMs(streams, agent.nowMs) ?? 0);
  if (clockMs === 0) return;
  await tx.sql(
    `UPDATE alert_state SET decided_until = $3 WHERE tenant_id = $1 AND agent_id = $2 AND decided_until < $3`,
    [tenantId, agent.id, decidableUntil(clockMs)],
  );
}
