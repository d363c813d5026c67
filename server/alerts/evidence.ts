import type { Logger } from 'pino';
import type { LogFilter } from '../core/retention/filter.js';
import { busyFor } from '../jobs/busy.js';
import { Repeated } from '../jobs/repeated.js';
import type { Database, Transaction } from '../store/database.js';
import { findLogs, type LogPlace, type ReadBatch, type StoredEntry, storedEntry } from '../store/logs.js';
import { decodeEvidence, encodeEvidence, rememberingReader } from './evidence-body.js';

type Sql = Transaction['sql'];

/** Entries that are kept of an alert, the newest; a rule over a busy server counts millions. */
export const EVIDENCE_MAX = 1_000;
const LOOK_MS = 2_000;
/** Alerts of one transaction, and of one look: those that old files tell of come by hundreds. */
const EVENTS_AT_ONCE = 16;
/** Ingest goes before them: where the thread was busy for more than this share of the time since the last look, they wait. */
const BUSY_SHARE = 0.5;
/** Whose evidence was not kept for so long is not put off any more, seconds: entries may be kept for minutes only. */
const OVERDUE_SECONDS = 60;

/** Which entries counted towards an alert. */
export interface Counted {
  windowSeconds: number;
  filter: LogFilter;
}

interface PendingEvent {
  tenantId: string;
  id: string;
  agentId: string;
  /** Event second. */
  at: number;
  counted: Counted;
}

interface DueEvent extends PendingEvent {
  isOverdue: boolean;
  [column: string]: unknown;
}

/**
 * Keeps the entries that counted towards alerts, within a minute or two after these are recorded: their retention is longer
 * than that, and until then they are read where they are. Of many it keeps some at a time, and none while there is much else
 * to do. Any number of servers may do so, each event once.
 */
export class EvidenceKeeper {
  private readonly looks: Repeated;
  private readonly isBusy = busyFor(BUSY_SHARE);

  constructor(
    private readonly db: Database,
    log: Logger,
  ) {
    this.looks = new Repeated(() => this.keepAll(), {
      everyMs: LOOK_MS,
      log,
      failure: 'evidence of alerts cannot be kept',
    });
  }

  start(): void {
    this.looks.start();
  }

  /** Waits for what is under way. */
  stop(): Promise<void> {
    return this.looks.stop();
  }

  private async keepAll(): Promise<void> {
    const read = rememberingReader();
    const onlyOverdue = this.isBusy();
    while (!this.looks.isStopped && (await this.db.aboveTenants((tx) => keepNext(tx, onlyOverdue, read))));
  }
}

const PENDING = 'tenant_id AS "tenantId", id, agent_id AS "agentId", at_second AS at, counted';

/** False: nothing is left that is to be done at once. */
async function keepNext(tx: Transaction, onlyOverdue: boolean, read: ReadBatch): Promise<boolean> {
  const overdue = `recorded_at < now() - interval '${OVERDUE_SECONDS} seconds'`;
  const events = await tx.sql<DueEvent>(
    `SELECT ${PENDING}, ${overdue} AS "isOverdue" FROM alert_event WHERE evidence_pending AND (${overdue} OR NOT $1)
     ORDER BY recorded_at, number LIMIT ${EVENTS_AT_ONCE} FOR UPDATE SKIP LOCKED`,
    [onlyOverdue],
  );
  if (events.length === 0) return false;
  for (const event of events) await keep(tx, event, read);
  await tx.sql(
    `UPDATE alert_event e SET evidence_pending = false FROM unnest($1::uuid[], $2::uuid[]) AS kept (tenant_id, id)
     WHERE e.tenant_id = kept.tenant_id AND e.id = kept.id`,
    [events.map(({ tenantId }) => tenantId), events.map(({ id }) => id)],
  );
  return events.length === EVENTS_AT_ONCE && events[events.length - 1].isOverdue;
}

async function keep(tx: Transaction, event: PendingEvent, read: ReadBatch): Promise<void> {
  const { tenantId, id, agentId } = event;
  const places = await countedPlaces(tx, event, EVIDENCE_MAX, read);
  if (places.length === 0) return;
  await tx.sql(
    `INSERT INTO alert_evidence (tenant_id, event_id, agent_id, first_ms, last_ms, entries) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING`,
    [tenantId, id, agentId, places.at(-1)!.key.timeMs, places[0].key.timeMs, await encodeEvidence(places)],
    { name: 'keep-evidence' },
  );
}

async function countedPlaces(
  tx: Transaction,
  event: PendingEvent,
  first: number,
  read?: ReadBatch,
): Promise<LogPlace[]> {
  const { tenantId, agentId, at, counted } = event;
  const span = { fromMs: (at - counted.windowSeconds + 1) * 1_000, toMs: (at + 1) * 1_000 };
  const query = { tenantId, agentIds: [agentId], ...span, filter: counted.filter, first, after: null };
  return (await findLogs(tx, query, read)).found;
}

/** Entries that counted towards an alert, the newest first: those that are kept of it, or not yet. */
export async function readEvidence(
  tx: Transaction,
  tenantId: string,
  eventId: string,
  first: number,
): Promise<StoredEntry[]> {
  const [kept] = await tx.sql<{ agentId: string; entries: Buffer }>(
    'SELECT agent_id AS "agentId", entries FROM alert_evidence WHERE tenant_id = $1 AND event_id = $2',
    [tenantId, eventId],
  );
  if (kept !== undefined) return decodeEvidence(kept.entries, kept.agentId, first);
  const [pending] = await tx.sql<PendingEvent & { [column: string]: unknown }>(
    `SELECT ${PENDING} FROM alert_event WHERE tenant_id = $1 AND id = $2 AND evidence_pending`,
    [tenantId, eventId],
  );
  if (pending === undefined) return [];
  return (await countedPlaces(tx, pending, first)).map(storedEntry);
}

/** On request entries go, as evidence too: an alert's all together, if any of them lies in the span. */
export async function eraseEvidence(
  sql: Sql,
  tenantId: string,
  agentId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<void> {
  const values = [tenantId, agentId, fromMs, toMs];
  await sql(
    `DELETE FROM alert_evidence WHERE tenant_id = $1 AND agent_id = $2
       AND first_ms < $4::double precision AND last_ms >= $3::double precision`,
    values,
  );
  await sql(
    `UPDATE alert_event SET evidence_pending = false WHERE tenant_id = $1 AND agent_id = $2 AND evidence_pending
       AND at_second * 1000 >= $3::double precision AND (at_second - (counted->>'windowSeconds')::bigint) * 1000 < $4::double precision`,
    values,
  );
}
