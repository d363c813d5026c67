import type { Entry } from '../../schema/log-batch.js';
import { evaluateAgents } from '../../server/alerts/evaluate.js';
import type { AlertMemory } from '../../server/alerts/memory.js';
import { decideNoData } from '../../server/alerts/no-data.js';
import { type RuleChange, Rules } from '../../server/alerts/rules.js';
import type { Database } from '../../server/store/database.js';
import type { Statistics } from './statistics.js';

/** A tenant with agents and rules by their names, of which each step of the evaluation is taken when a test says so. */
export class EvaluatedWorld {
  readonly agents = new Map<string, string>();
  private readonly ruleIds = new Map<string, string>();
  private readonly rules: Rules;
  /** Of all entries, unix. */
  private readonly seconds = new Set<number>();

  private constructor(
    private readonly statistics: Statistics,
    readonly tenantId: string,
  ) {
    this.rules = new Rules(
      statistics.db,
      () => undefined,
      () => undefined,
    );
  }

  static async make(statistics: Statistics): Promise<EvaluatedWorld> {
    return new EvaluatedWorld(statistics, await statistics.newTenant());
  }

  async append(agent: string, entries: readonly Entry[]): Promise<void> {
    this.agents.set(agent, await this.statistics.append(this.tenantId, agent, entries));
    for (const { timeMs } of entries) this.seconds.add(Math.floor(timeMs / 1_000));
  }

  async evaluate(names: readonly string[], memory: AlertMemory): Promise<void> {
    await evaluateAgents(this.statistics.db, this.keysOf(names), memory);
  }

  /** An evaluation whose transaction is lost at its very end. */
  async failToEvaluate(names: readonly string[], memory: AlertMemory): Promise<void> {
    const { db } = this.statistics;
    const inTenants: Database['inTenants'] = (tenantIds, work) =>
      db.inTenants(tenantIds, async (tx) => {
        await work(tx);
        throw new Error('lost');
      });
    await evaluateAgents({ inTenants } as Database, this.keysOf(names), memory).then(
      () => Promise.reject(new Error('not lost')),
      (error: Error) => (error.message === 'lost' ? undefined : Promise.reject(error)),
    );
  }

  /** @param agents their names; none: all */
  async setRule(name: string, rule: Required<RuleChange>, agents: readonly string[]): Promise<void> {
    const agentIds = (await this.shown()).filter(([agent]) => agents.includes(agent)).map(([, id]) => id);
    const id = this.ruleIds.get(name);
    if (id !== undefined) await this.rules.update(this.tenantId, id, { ...rule, name, agentIds });
    else this.ruleIds.set(name, (await this.rules.create(this.tenantId, { ...rule, name, agentIds })).id);
  }

  async deleteRule(name: string): Promise<void> {
    const id = this.ruleIds.get(name);
    if (id !== undefined) await this.rules.delete(this.tenantId, id);
    this.ruleIds.delete(name);
  }

  async deleteTraffic(fromMs: number, toMs: number): Promise<void> {
    const { tenantId } = this;
    const spans = [{ fromMs, toMs }];
    await this.statistics.deletion.deleteTraffic({
      tenantId,
      agentIds: null,
      spans,
      includeLogs: false,
      dryRun: false,
    });
  }

  async deleteAgent(name: string): Promise<void> {
    const id = this.agents.get(name);
    if (id !== undefined) await this.statistics.deletion.deleteAgent(this.tenantId, id);
  }

  /** Nothing came for so long: the agents' alert clocks go on. */
  async fallSilent(hours: number): Promise<void> {
    const since = `clock_timestamp() - interval '${hours} hours'`;
    await this.sql(`UPDATE stream SET last_batch_at = ${since} WHERE tenant_id = $1`);
  }

  /** All sources said that nothing more will come. */
  async end(): Promise<void> {
    await this.sql('UPDATE stream SET ended = true WHERE tenant_id = $1');
  }

  /** Rules that tell it find out that there was no data for an hour; told before, that there is again. */
  async missData(isMissed: boolean): Promise<void> {
    const { tenantId } = this;
    if (isMissed)
      await this.sql(`UPDATE agent SET last_batch_at = clock_timestamp() - interval '1 hour' WHERE tenant_id = $1`);
    else await this.sql('UPDATE agent SET last_batch_at = clock_timestamp() WHERE tenant_id = $1');
    await this.statistics.db.inTenants([tenantId], (tx) =>
      decideNoData(tx, tenantId, this.keysOf([...this.agents.keys()]), 0),
    );
  }

  /** What was told, and what is stored of the states: all but ids, and what the wall clock tells. */
  async told(): Promise<{ events: unknown[]; states: unknown[] }> {
    const byClock = `message LIKE '%no data%'`;
    const events = await this.sql(
      `SELECT agent_name, rule_name, type, CASE WHEN NOT ${byClock} THEN at_second END AS at, CASE WHEN NOT ${byClock} THEN value END AS value,
         flapping_until, ${startedBy('alert_event')} FROM alert_event WHERE tenant_id = $1 ORDER BY agent_name, number`,
    );
    const states = await this.sql<{ counted_from: number | null }>(
      `SELECT a.name AS agent, r.name AS rule, rule_version, firing, CASE WHEN firing THEN value END AS value, counted_from, flapping,
         no_data_by IS NOT NULL AS no_data, ${startedBy('s')}, alert_rested,
         least(greatest(decided_until, alert_clock_ms / 1000 - 1), last_event_ms / 1000) AS decided_until
       FROM alert_state s JOIN agent a ON a.id = s.agent_id JOIN alert_rule r ON r.id = s.rule_id
       WHERE s.tenant_id = $1 ORDER BY a.name, r.name`,
    );
    return {
      events,
      states: states.map((state) => ({ ...state, counted_from: this.firstSecondFrom(state.counted_from) })),
    };
  }

  /** Of what came, the first from a second on: the clock of agents at rest goes on by the wall's, so between entries it is any. */
  private firstSecondFrom(second: number | null): number | null {
    if (second === null) return null;
    return [...this.seconds].reduce((first, one) => (one >= second ? Math.min(first, one) : first), Infinity);
  }

  private keysOf(names: readonly string[]) {
    return names.flatMap((name) => {
      const agentId = this.agents.get(name);
      return agentId === undefined ? [] : [{ tenantId: this.tenantId, agentId }];
    });
  }

  private async shown(): Promise<[string, string][]> {
    const rows = await this.sql<{ name: string; id: string }>(
      'SELECT name, id FROM agent WHERE tenant_id = $1 AND hidden_at IS NULL',
    );
    return rows.map(({ name, id }) => [name, id]);
  }

  private sql<Row extends object>(text: string): Promise<Row[]> {
    return this.statistics.db.ownerSql<Row & { [column: string]: unknown }>(text, [this.tenantId]);
  }
}

/** Which of the tenant's events it is; null: none that was recorded. */
const startedBy = (table: string): string =>
  `(SELECT type || CASE WHEN type = 'NO_DATA' THEN '' ELSE at_second::text END FROM alert_event e WHERE e.tenant_id = $1 AND e.id = ${table}.started_by) AS started_by`;
