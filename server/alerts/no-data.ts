import { randomUUID } from 'node:crypto';
import { In } from 'typeorm';
import type { Transaction } from '../store/database.js';
import { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import { type AgentKey, lockFreeAgentsById } from '../store/sql/agent.sql.js';
import { MS } from '../store/sql/columns.js';
import { recordAlertEvents } from './events.js';
import { newState, readStates, type StoredState, writeStates } from './states.js';

type Sql = Transaction['sql'];

/** A rule and an agent of which there has been no data for too long, or is again. */
interface NoDataChange extends AgentKey {
  ruleId: string;
  /** Receipt of the agent's last batch. */
  lastBatchAtMs: number;
  /** When there has been none for too long; null: there is again, or it has ended. */
  noDataAtMs: number | null;
  /** When it ended on purpose; null: it has not. */
  endedAtMs: number | null;
}

const DEADLINE = `greatest(a.last_batch_at, a.resumed_at, to_timestamp($1::float8 / 1000)) + make_interval(secs => r.no_data_after)`;

/** By the database's clock. Of an agent that ended on purpose, or never sent a batch, none is missed. */
const CHANGES = `
  SELECT r.tenant_id AS "tenantId", r.id AS "ruleId", a.id AS "agentId", ${MS('a.last_batch_at')} AS "lastBatchAtMs",
    CASE WHEN s.no_data_by IS NULL THEN ${MS(DEADLINE)} END AS "noDataAtMs", ${MS('a.ended_at')} AS "endedAtMs"
  FROM alert_rule r
  JOIN agent a ON a.tenant_id = r.tenant_id AND (r.agent_ids = '{}' OR a.id = ANY (r.agent_ids))
  LEFT JOIN alert_state s ON s.tenant_id = r.tenant_id AND s.rule_id = r.id AND s.agent_id = a.id
  WHERE r.enabled AND r.no_data_after IS NOT NULL AND a.hidden_at IS NULL AND a.last_batch_at IS NOT NULL
    AND CASE WHEN s.no_data_by IS NULL THEN a.ended_at IS NULL AND ${DEADLINE} <= clock_timestamp()
      ELSE ${MS('a.last_batch_at')} > s.no_data_since_ms OR a.ended_at IS NOT NULL END`;

/** Agents of which a change is due. `watchedSinceMs`: before it nobody could be heard of, of which nothing follows. */
export async function noDataDue(sql: Sql, watchedSinceMs: number): Promise<AgentKey[]> {
  const rows = await sql<AgentKey & { [column: string]: unknown }>(
    `SELECT DISTINCT "tenantId", "agentId" FROM (${CHANGES}) AS c`,
    [watchedSinceMs],
  );
  return rows.map(({ tenantId, agentId }) => ({ tenantId, agentId }));
}

/** Records what changed of agents of one tenant whose locks are free. Returns how many events were recorded. */
export async function decideNoData(
  tx: Transaction,
  tenantId: string,
  agents: readonly AgentKey[],
  watchedSinceMs: number,
): Promise<number> {
  const locked = (await lockFreeAgentsById(tx.sql, agents)).filter((agent) => agent !== undefined);
  if (locked.length === 0) return 0;
  const changes = await tx.sql<NoDataChange & { [column: string]: unknown }>(
    `${CHANGES} AND a.tenant_id = $2 AND a.id = ANY ($3::uuid[]) ORDER BY a.id, r.created_at, r.id`,
    [watchedSinceMs, tenantId, locked.map(({ id }) => id)],
  );
  const rules = await tx.manager.findBy(AlertRuleEntity, { tenantId, id: In(changes.map(({ ruleId }) => ruleId)) });
  const clockOf = new Map(locked.map(({ id, alertClockMs }) => [id, alertClockMs]));
  const states = await readStates(
    tx.sql,
    changes.map((change) => ({ ...change, alertClockMs: clockOf.get(change.agentId)! })),
  );
  const written: StoredState[] = [];
  for (const [i, change] of changes.entries()) {
    const rule = rules.find(({ id }) => id === change.ruleId)!;
    const { name } = locked.find(({ id }) => id === change.agentId)!;
    written.push(
      await record(tx.sql, { rule, agentName: name, change, known: states[i] ?? newState(rule, change.agentId) }),
    );
  }
  await writeStates(tx.sql, written);
  return changes.length;
}

interface Change {
  rule: AlertRuleEntity;
  agentName: string;
  change: NoDataChange;
  known: StoredState;
}

async function record(sql: Sql, { rule, agentName, change, known }: Change): Promise<StoredState> {
  const { tenantId, agentId, lastBatchAtMs, noDataAtMs } = change;
  const about = { id: randomUUID(), rule, agentId, agentName, isNoData: true };
  if (noDataAtMs === null) {
    const atMs = change.endedAtMs ?? lastBatchAtMs;
    const value = seconds(atMs - known.noDataSinceMs!);
    const recovered = { ...about, type: 'RECOVERED' as const, at: seconds(atMs), value, startedBy: known.noDataBy };
    await recordAlertEvents(sql, tenantId, [recovered]);
    return { ...known, noDataBy: null, noDataSinceMs: null };
  }
  const value = seconds(noDataAtMs - lastBatchAtMs);
  const fired = { ...about, type: 'NO_DATA' as const, at: seconds(noDataAtMs), value, startedBy: null };
  await recordAlertEvents(sql, tenantId, [fired]);
  return { ...known, noDataBy: fired.id, noDataSinceMs: lastBatchAtMs };
}

const seconds = (ms: number): number => Math.floor(ms / 1_000);
