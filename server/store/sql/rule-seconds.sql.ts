import { type Counting, countingOf, type EncodedRuleWindow } from '../../core/alerts/rule-counts.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import type { Transaction } from '../database.js';
import type { AgentKey } from './agent.sql.js';
import { byteaArray } from './bytea-array.js';
import { type Column, namesOf, unnestOf, valuesOf } from './columns.js';
import type { SecondsOfAgent, SecondsRow } from './traffic.sql.js';

type Sql = Transaction['sql'];

/** A rule that counts entries of its own. */
export interface CountedRule {
  ruleId: string;
  /** What was counted for another filter, or without the response times that it needs, is not its own. */
  filterVersion: number;
}

/** What a rule counts of an agent. */
export interface RuleScope extends AgentKey, CountedRule {}

/** A window of 10 seconds of it. */
export interface RuleWindowKey extends RuleScope {
  startMs: number;
}

const KEY: Column<RuleWindowKey>[] = [
  { name: 'tenant_id', type: 'uuid', of: ({ tenantId }) => tenantId },
  { name: 'agent_id', type: 'uuid', of: ({ agentId }) => agentId },
  { name: 'rule_id', type: 'uuid', of: ({ ruleId }) => ruleId },
  { name: 'filter_version', type: 'integer', of: ({ filterVersion }) => filterVersion },
  { name: 'start_ms', type: 'bigint', of: ({ startMs }) => startMs },
];
/** Of a rule `r`: whether it counts entries itself. As `countingOf`. */
const COUNTS = "(r.filter IS NOT NULL OR r.metric = 'DURATION_P95')";
const SAME_RULE = ['tenant_id', 'agent_id', 'rule_id', 'filter_version']
  .map((column) => `t.${column} = asked.${column}`)
  .join(' AND ');

/**
 * The rules that count entries of agents, by the agents' places: looked up by the keys, whatever the planner believes of
 * the tables. The caller holds the agents' locks.
 */
export async function readCountedRules(
  sql: Sql,
  agents: readonly AgentKey[],
): Promise<(CountedRule & { counting: Counting })[][]> {
  const found = agents.map((): (CountedRule & { counting: Counting })[] => []);
  const rows = await sql<CountedRule & Parameters<typeof countingOf>[0] & { place: number }>(
    `SELECT asked.place, r.id AS "ruleId", r.filter_version AS "filterVersion", r.metric, r.filter
     FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (tenant_id, agent_id, place),
     LATERAL (SELECT id, filter_version, metric, filter FROM alert_rule r
       WHERE r.tenant_id = asked.tenant_id AND r.enabled AND ${COUNTS} OFFSET 0) r,
     LATERAL (SELECT FROM alert_state s WHERE s.tenant_id = asked.tenant_id AND s.rule_id = r.id
       AND s.agent_id = asked.agent_id AND s.counted_from IS NOT NULL OFFSET 0) s`,
    [agents.map(({ tenantId }) => tenantId), agents.map(({ agentId }) => agentId)],
    { name: 'counted-rules' },
  );
  for (const { place, ruleId, filterVersion, ...rule } of rows)
    found[place - 1].push({ ruleId, filterVersion, counting: countingOf(rule)! });
  return found;
}

/** The columns of windows in the order asked for; undefined where nothing was counted. */
export async function readRuleWindows(
  sql: Sql,
  keys: readonly RuleWindowKey[],
): Promise<(EncodedRuleWindow | undefined)[]> {
  const found = new Array<EncodedRuleWindow | undefined>(keys.length);
  if (keys.length === 0) return found;
  const rows = await sql<EncodedRuleWindow & { place: number }>(
    `SELECT asked.place, t.seconds, t.durations FROM ${unnestOf(KEY)} WITH ORDINALITY AS asked (${namesOf(KEY)}, place),
       LATERAL (SELECT seconds, durations FROM rule_seconds t WHERE ${SAME_RULE} AND t.start_ms = asked.start_ms OFFSET 0) t`,
    valuesOf(KEY, keys),
    { name: 'read-rule-windows' },
  );
  for (const { place, ...columns } of rows) found[place - 1] = columns;
  return found;
}

export interface RuleWindowRow extends RuleWindowKey, EncodedRuleWindow {
  /** Of the agent, as of which it is. */
  revision: number;
}

const WRITTEN: Column<RuleWindowRow>[] = [...KEY, { name: 'revision', type: 'bigint', of: ({ revision }) => revision }];

/** Writes windows in the place of those that are there. The caller holds the agents' locks. */
export async function writeRuleWindows(sql: Sql, rows: readonly RuleWindowRow[]): Promise<void> {
  if (rows.length === 0) return;
  await sql(
    `INSERT INTO rule_seconds (${namesOf(WRITTEN)}, seconds, durations) SELECT * FROM ${unnestOf(WRITTEN, ['bytea', 'bytea'])}
     ON CONFLICT (tenant_id, agent_id, rule_id, start_ms) DO UPDATE
       SET filter_version = excluded.filter_version, revision = excluded.revision, seconds = excluded.seconds,
         durations = excluded.durations`,
    [
      ...valuesOf(WRITTEN, rows),
      byteaArray(rows.map(({ seconds }) => seconds)),
      byteaArray(rows.map(({ durations }) => durations)),
    ],
    { name: 'write-rule-windows' },
  );
}

export interface RuleSecondsOfAgent extends SecondsOfAgent {
  ruleIds: readonly string[];
}

/** As `readSeconds`, of what any of the rules that are asked for counts, ascending by rule and start. */
export async function readRuleSeconds(
  sql: Sql,
  asked: readonly RuleSecondsOfAgent[],
): Promise<(SecondsRow & CountedRule)[][]> {
  const found = asked.map((): (SecondsRow & CountedRule)[] => []);
  if (asked.length === 0) return found;
  const rows = await sql<SecondsRow & CountedRule & { place: number }>(
    `SELECT asked.place, t.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
       WITH ORDINALITY AS asked (tenant_id, agent_id, from_ms, to_ms, revision, rule_ids, place),
     LATERAL (SELECT t.rule_id AS "ruleId", t.filter_version AS "filterVersion", t.start_ms AS "startMs", t.seconds, t.durations
       FROM rule_seconds t
       WHERE t.tenant_id = asked.tenant_id AND t.agent_id = asked.agent_id AND t.rule_id = ANY (asked.rule_ids::uuid[])
         AND t.start_ms > asked.from_ms AND t.start_ms <= asked.to_ms AND t.revision > asked.revision
       ORDER BY t.rule_id, t.start_ms) t`,
    [
      asked.map(({ tenantId }) => tenantId),
      asked.map(({ agentId }) => agentId),
      asked.map(({ fromSecond }) => fromSecond * 1_000 - WINDOW_MS),
      asked.map(({ toSecond }) => toSecond * 1_000),
      asked.map(({ beyondRevision }) => beyondRevision),
      asked.map(({ ruleIds }) => `{${ruleIds.join(',')}}`),
    ],
    { name: 'rule-seconds' },
  );
  for (const { place, ...row } of rows) found[place - 1].push(row);
  return found;
}

/** Erases what rules counted of an agent in `[fromMs, toMs)`; returns how many windows of theirs. The caller holds its lock. */
export async function eraseRuleSeconds(
  sql: Sql,
  tenantId: string,
  agentId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<number> {
  const rows = await sql(
    `DELETE FROM rule_seconds WHERE tenant_id = $1 AND agent_id = $2
       AND rule_id = ANY (ARRAY(SELECT id FROM alert_rule WHERE tenant_id = $1)) AND start_ms >= $3 AND start_ms < $4
     RETURNING 1`,
    [tenantId, agentId, fromMs, toMs],
  );
  return rows.length;
}

/**
 * Drops some of what rules counted so long before their agents' alert clocks, and all of rules that are gone or no longer
 * count. One agent and rule after the other is found by the key. Returns how many windows went.
 */
export async function dropOldRuleSeconds(sql: Sql, keepMs: number, limit: number): Promise<number> {
  const rows = await sql(
    `WITH RECURSIVE pair AS (
       (SELECT tenant_id, agent_id, rule_id FROM rule_seconds ORDER BY 1, 2, 3 LIMIT 1)
       UNION ALL
       SELECT next.* FROM pair, LATERAL (SELECT tenant_id, agent_id, rule_id FROM rule_seconds t
         WHERE (t.tenant_id, t.agent_id, t.rule_id) > (pair.tenant_id, pair.agent_id, pair.rule_id)
         ORDER BY 1, 2, 3 LIMIT 1) next
     ), old AS (
       SELECT pair.*, CASE WHEN r.id IS NOT NULL AND a.id IS NOT NULL THEN a.alert_clock_ms - $1::bigint
         ELSE 9223372036854775807 END AS before_ms
       FROM pair LEFT JOIN agent a ON a.tenant_id = pair.tenant_id AND a.id = pair.agent_id
       LEFT JOIN alert_rule r ON r.tenant_id = pair.tenant_id AND r.id = pair.rule_id AND ${COUNTS}
     )
     DELETE FROM rule_seconds WHERE ctid = ANY (ARRAY(
       SELECT t.ctid FROM old, LATERAL (SELECT ctid FROM rule_seconds t WHERE t.tenant_id = old.tenant_id
         AND t.agent_id = old.agent_id AND t.rule_id = old.rule_id AND t.start_ms < old.before_ms LIMIT $2) t LIMIT $2))
     RETURNING 1`,
    [keepMs, limit],
  );
  return rows.length;
}
