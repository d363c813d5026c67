import type { AlertState, RuleSpec } from '../core/alerts/decide.js';
import type { Transaction } from '../store/database.js';
import type { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';

type Sql = Transaction['sql'];

/** Where a rule stands over one agent. */
export interface StoredState extends AlertState {
  ruleId: string;
  agentId: string;
  ruleVersion: number;
  /** The event by which it fires. */
  startedBy: string | null;
}

/** Of a rule that is older than the agent: it begins with the agent's first entry. */
export function newState(rule: Pick<AlertRuleEntity, 'id' | 'version'>, agentId: string): StoredState {
  return {
    ruleId: rule.id,
    agentId,
    ruleVersion: rule.version,
    firing: false,
    decidedUntil: null,
    value: null,
    startedBy: null,
  };
}

const COLUMNS = `rule_id AS "ruleId", agent_id AS "agentId", rule_version AS "ruleVersion", firing,
  decided_until AS "decidedUntil", value, started_by AS "startedBy"`;

type Row = StoredState & { [column: string]: unknown };

export async function readStatesOfAgent(
  sql: Sql,
  tenantId: string,
  agentId: string,
): Promise<Map<string, StoredState>> {
  const rows = await sql<Row>(`SELECT ${COLUMNS} FROM alert_state WHERE tenant_id = $1 AND agent_id = $2`, [
    tenantId,
    agentId,
  ]);
  return new Map(rows.map((row) => [row.ruleId, row]));
}

export async function readStatesOfRule(sql: Sql, tenantId: string, ruleId: string): Promise<Map<string, StoredState>> {
  const rows = await sql<Row>(`SELECT ${COLUMNS} FROM alert_state WHERE tenant_id = $1 AND rule_id = $2`, [
    tenantId,
    ruleId,
  ]);
  return new Map(rows.map((row) => [row.agentId, row]));
}

/** Writes a state. The caller holds its agent's lock. */
export async function writeState(sql: Sql, tenantId: string, state: StoredState): Promise<void> {
  await sql(
    `INSERT INTO alert_state (tenant_id, rule_id, agent_id, rule_version, firing, decided_until, value, started_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (tenant_id, rule_id, agent_id) DO UPDATE SET rule_version = excluded.rule_version, firing = excluded.firing,
       decided_until = excluded.decided_until, value = excluded.value, started_by = excluded.started_by`,
    [
      tenantId,
      state.ruleId,
      state.agentId,
      state.ruleVersion,
      state.firing,
      state.decidedUntil,
      state.value,
      state.startedBy,
    ],
  );
}

/** What of a stored rule decides. */
export function specOf(rule: AlertRuleEntity): RuleSpec {
  const { metric, windowSeconds, comparison, threshold, recoveryThreshold } = rule;
  return { metric, windowSeconds, comparison, threshold, recoveryThreshold };
}
