import type { AlertState } from '../core/alerts/decide.js';
import type { Flapping } from '../core/alerts/flapping.js';
import { type Counting, countingOf } from '../core/alerts/rule-counts.js';
import type { Transaction } from '../store/database.js';
import type { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import { reviseAlerts } from '../store/sql/agent.sql.js';
import { type Column, namesOf, unnestOf, valuesOf } from '../store/sql/columns.js';
import type { CountedRule } from '../store/sql/rule-seconds.sql.js';

type Sql = Transaction['sql'];

/** Where a rule stands over one agent. */
export interface StoredState extends AlertState {
  tenantId: string;
  ruleId: string;
  agentId: string;
  ruleVersion: number;
  /** The event by which it fires. */
  startedBy: string | null;
  /** The event second from which on all that the rule counts itself is counted for it; null: nothing is. */
  countedFrom: number | null;
  /** The event that said that there is no data of the agent, and when its last batch before that came; null: there is. */
  noDataBy: string | null;
  noDataSinceMs: number | null;
  /** Null: it has neither fired nor recovered. */
  flapping: Flapping | null;
}

/** Of a rule that is older than the agent: it begins with the agent's first entry. */
export function newState(rule: Pick<AlertRuleEntity, 'tenantId' | 'id' | 'version'>, agentId: string): StoredState {
  return {
    tenantId: rule.tenantId,
    ruleId: rule.id,
    agentId,
    ruleVersion: rule.version,
    firing: false,
    decidedUntil: null,
    value: null,
    startedBy: null,
    countedFrom: null,
    noDataBy: null,
    noDataSinceMs: null,
    flapping: null,
  };
}

/**
 * What is decided up to the agent's alert clock is not written second by second: the clock says it. The row's own time
 * counts where it is later: what was decided beyond the clock, of sources that ended or while the agent rested.
 */
const COLUMNS = `s.tenant_id AS "tenantId", s.rule_id AS "ruleId", s.agent_id AS "agentId", rule_version AS "ruleVersion", firing,
    CASE WHEN decided_until IS NOT NULL THEN greatest(decided_until, alert_clock_ms / 1000 - 1) END AS "decidedUntil", value, started_by AS "startedBy",
    counted_from AS "countedFrom", no_data_by AS "noDataBy", no_data_since_ms AS "noDataSinceMs", flapping`;

type Row = StoredState & { [column: string]: unknown };

export type StateKey = Pick<StoredState, 'tenantId' | 'ruleId' | 'agentId'>;

/**
 * In the order asked for; undefined where a rule has not been decided over an agent yet. Looked up by the keys, whatever
 * the planner believes of the table. The caller holds the agents' locks, and knows their alert clocks.
 */
export async function readStates(
  sql: Sql,
  asked: readonly (StateKey & { alertClockMs: number | null })[],
): Promise<(StoredState | undefined)[]> {
  const found = new Array<StoredState | undefined>(asked.length);
  if (asked.length === 0) return found;
  const rows = await sql<StoredState & { place: number }>(
    `SELECT asked.place, ${COLUMNS} FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])
         WITH ORDINALITY AS asked (tenant_id, rule_id, agent_id, alert_clock_ms, place),
       LATERAL (SELECT * FROM alert_state t WHERE t.tenant_id = asked.tenant_id AND t.rule_id = asked.rule_id
         AND t.agent_id = asked.agent_id OFFSET 0) s`,
    [
      asked.map(({ tenantId }) => tenantId),
      asked.map(({ ruleId }) => ruleId),
      asked.map(({ agentId }) => agentId),
      asked.map(({ alertClockMs }) => alertClockMs),
    ],
    { name: 'read-states' },
  );
  for (const { place, ...state } of rows) found[place - 1] = state;
  return found;
}

export async function readStatesOfRule(sql: Sql, tenantId: string, ruleId: string): Promise<Map<string, StoredState>> {
  const rows = await sql<Row>(
    `SELECT ${COLUMNS} FROM alert_state s JOIN agent a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id
     WHERE s.tenant_id = $1 AND s.rule_id = $2`,
    [tenantId, ruleId],
  );
  return new Map(rows.map((row) => [row.agentId, row]));
}

/** Columns of a state's row, in the order of the statement's parameters. */
const WRITTEN: Column<StoredState>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'rule_id', type: 'uuid', of: ({ ruleId }) => ruleId },
  { name: 'agent_id', type: 'uuid', of: ({ agentId }) => agentId },
  { name: 'rule_version', type: 'integer', of: ({ ruleVersion }) => ruleVersion },
  { name: 'firing', type: 'boolean', of: ({ firing }) => firing },
  { name: 'decided_until', type: 'bigint', of: ({ decidedUntil }) => decidedUntil },
  { name: 'value', type: 'float8', of: ({ value }) => value },
  { name: 'started_by', type: 'uuid', of: ({ startedBy }) => startedBy },
  { name: 'counted_from', type: 'bigint', of: ({ countedFrom }) => countedFrom },
  { name: 'no_data_by', type: 'uuid', of: ({ noDataBy }) => noDataBy },
  { name: 'no_data_since_ms', type: 'bigint', of: ({ noDataSinceMs }) => noDataSinceMs },
  { name: 'flapping', type: 'jsonb', of: ({ flapping }) => flapping && JSON.stringify(flapping) },
];
const KEY_COLUMNS = 3;

/** Writes states, and raises the agents' `alert_revision`. The caller holds their locks. */
export async function writeStates(sql: Sql, states: readonly StoredState[]): Promise<void> {
  if (states.length === 0) return;
  await sql(
    `INSERT INTO alert_state (${namesOf(WRITTEN)}) SELECT * FROM ${unnestOf(WRITTEN)}
     ON CONFLICT (tenant_id, rule_id, agent_id) DO UPDATE SET
       ${WRITTEN.slice(KEY_COLUMNS)
         .map(({ name }) => `${name} = excluded.${name}`)
         .join(', ')}`,
    valuesOf(WRITTEN, states),
    { name: 'write-states' },
  );
  await reviseAlerts(sql, states);
}

/** A rule that counts entries of its own; null: it looks at all traffic. */
export function countedOf(rule: AlertRuleEntity): (CountedRule & { version: number; counting: Counting }) | null {
  const { id, version, filterVersion } = rule;
  const counting = countingOf(rule);
  return counting === null ? null : { ruleId: id, version, filterVersion, counting };
}
