import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Logger } from 'pino';
import type { LogFilter } from '../core/retention/filter.js';
import { Repeated } from '../jobs/repeated.js';
import type { Database, Transaction } from '../store/database.js';
import { readLogs, type StoredEntry } from '../store/logs.js';

type Sql = Transaction['sql'];

/** Entries that are kept of an alert, the newest; a rule over a busy server counts millions. */
export const EVIDENCE_MAX = 1_000;
const LOOK_MS = 2_000;
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

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

/**
 * Keeps the entries that counted towards alerts, soon after these are recorded: their retention is longer than that. Any
 * number of servers may do so, each event once.
 */
export class EvidenceKeeper {
  private readonly looks: Repeated;

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
    while (!this.looks.isStopped && (await this.db.aboveTenants(keepNext)));
  }
}

/** False: nothing is left to do. */
async function keepNext(tx: Transaction): Promise<boolean> {
  const [event] = await tx.sql<PendingEvent & { [column: string]: unknown }>(
    `SELECT tenant_id AS "tenantId", id, agent_id AS "agentId", at_second AS at, counted FROM alert_event
     WHERE evidence_pending ORDER BY recorded_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
  );
  if (event === undefined) return false;
  const { tenantId, id, agentId } = event;
  const entries = await countedEntries(tx, event, EVIDENCE_MAX);
  if (entries.length > 0)
    await tx.sql(
      `INSERT INTO alert_evidence (tenant_id, event_id, agent_id, first_ms, last_ms, entries) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT DO NOTHING`,
      [tenantId, id, agentId, entries.at(-1)!.timeMs, entries[0].timeMs, await deflateAsync(JSON.stringify(entries))],
    );
  await tx.sql('UPDATE alert_event SET evidence_pending = false WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
  return true;
}

async function countedEntries(tx: Transaction, event: PendingEvent, first: number): Promise<StoredEntry[]> {
  const { tenantId, agentId, at, counted } = event;
  const span = { fromMs: (at - counted.windowSeconds + 1) * 1_000, toMs: (at + 1) * 1_000 };
  const query = { tenantId, agentIds: [agentId], ...span, filter: counted.filter, first, after: null };
  return (await readLogs(tx, query)).entries;
}

/** Entries that counted towards an alert, the newest first: those that are kept of it, or not yet. */
export async function readEvidence(
  tx: Transaction,
  tenantId: string,
  eventId: string,
  first: number,
): Promise<StoredEntry[]> {
  const [kept] = await tx.sql<{ entries: Buffer }>(
    'SELECT entries FROM alert_evidence WHERE tenant_id = $1 AND event_id = $2',
    [tenantId, eventId],
  );
  if (kept !== undefined)
    return (JSON.parse((await inflateAsync(kept.entries)).toString()) as StoredEntry[]).slice(0, first);
  const [pending] = await tx.sql<PendingEvent & { [column: string]: unknown }>(
    `SELECT tenant_id AS "tenantId", id, agent_id AS "agentId", at_second AS at, counted FROM alert_event
     WHERE tenant_id = $1 AND id = $2 AND evidence_pending`,
    [tenantId, eventId],
  );
  return pending === undefined ? [] : countedEntries(tx, pending, first);
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
