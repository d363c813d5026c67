import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { recoveryProblem } from '../core/alerts/decide.js';
import { countingOf } from '../core/alerts/rule-counts.js';
import { filterProblem } from '../core/retention/filter.js';
import { alertClockMs, decidableUntil } from '../core/time/clock.js';
import { badInput, notFound } from '../errors.js';
import { lookAgain, settleFlapping } from '../notify/index.js';
import { admitAlertRule } from '../plans/index.js';
import type { Database, Transaction } from '../store/database.js';
import { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import { existing, expectOwned } from '../store/rows.js';
import { type LockedAgentRow, lockAgentById, readClockStreams, reviseAlerts } from '../store/sql/agent.sql.js';
import { type NewAlertEvent, recordAlertEvents } from './events.js';
import { newState, readStatesOfRule, type StoredState, writeStates } from './states.js';

/** What a user sets of a rule. */
export type RuleChange = Partial<
  Pick<
    AlertRuleEntity,
    | 'name'
    | 'enabled'
    | 'agentIds'
    | 'metric'
    | 'filter'
    | 'windowSeconds'
    | 'comparison'
    | 'threshold'
    | 'recoveryThreshold'
    | 'minHits'
    | 'noDataAfter'
    | 'severity'
    | 'channelIds'
    | 'flapDetection'
    | 'remindEvery'
  >
>;

/** Below a minute, a busy network would be taken for an agent without data. */
const NO_DATA_SECONDS_MIN = 60;
const REMIND_SECONDS_MIN = 60;
const NAME_LENGTH_MAX = 100;
/** The longest sliding window: a day of seconds is what an evaluation reads in a few milliseconds. */
const WINDOW_SECONDS_MAX = 86_400;
/** What of a rule may change without its states beginning anew. */
const COSMETIC = ['name', 'severity', 'channelIds', 'flapDetection', 'remindEvery'];

/** Alert rules, as users make and change them. */
export class Rules {
  constructor(
    private readonly db: Database,
    private readonly onEvents: (tenantId: string) => void,
    /** Agents whose states began anew are to be decided. */
    private readonly onBegun: (tenantId: string, agentId: string) => void,
  ) {}

  async list(tenantId: string): Promise<AlertRuleEntity[]> {
    return this.db.inTenants([tenantId], ({ manager }) =>
      manager.find(AlertRuleEntity, { where: { tenantId }, order: { createdAt: 'ASC', id: 'ASC' } }),
    );
  }

  async find(tenantId: string, id: string): Promise<AlertRuleEntity | null> {
    return this.db.inTenants([tenantId], ({ manager }) => manager.findOneBy(AlertRuleEntity, { tenantId, id }));
  }

  /**
   * @throws ApiError BAD_USER_INPUT naming what is wrong; NOT_FOUND where an agent is not the tenant's;
   * RESOURCE_EXHAUSTED where the plan has no room for another.
   */
  async create(tenantId: string, input: Required<RuleChange>, audit: Audit = unrecorded): Promise<AlertRuleEntity> {
    const { rule, agents } = await this.db.inTenants([tenantId], async (tx) => {
      await admitAlertRule(tx, tenantId);
      const agents = await lockAgents(tx, tenantId);
      checkRule(input, agents);
      await expectOwned(tx, tenantId, 'notification_channel', input.channelIds, 'Notification channel');
      const id = randomUUID();
      const rule = tx.manager.create(AlertRuleEntity, {
        ...input,
        tenantId,
        id,
        version: 1,
        filterVersion: 1,
        createdAt: new Date(await this.db.now()),
      });
      await tx.manager.insert(AlertRuleEntity, rule);
      await beginAnew(tx, rule, agents, new Map());
      await audit(tx, {
        action: 'ALERT_RULE_CREATED',
        subjectId: id,
        subject: rule.name,
        changes: changesBetween({}, input),
      });
      return { rule, agents };
    });
    for (const agent of agents) this.onBegun(tenantId, agent.id);
    return rule;
  }

  /** Changes a rule; what fires is closed, unless only what it is called or how it is told changed. */
  async update(tenantId: string, id: string, change: RuleChange, audit: Audit = unrecorded): Promise<AlertRuleEntity> {
    const { rule, closed, agents } = await this.db.inTenants([tenantId], async (tx) => {
      const agents = await lockAgents(tx, tenantId);
      const rule = await existingRule(tx, tenantId, id);
      const changed = Object.entries(change).filter(
        ([name, value]) => !isDeepStrictEqual(rule[name as keyof RuleChange], value),
      );
      const before = { ...rule } as AlertRuleEntity;
      Object.assign(rule, Object.fromEntries(changed));
      checkRule(rule, agents);
      const { channelIds = [] } = change;
      await expectOwned(tx, tenantId, 'notification_channel', channelIds, 'Notification channel');
      let closed = 0;
      if (changed.some(([name]) => !COSMETIC.includes(name))) {
        closed = await close(tx, before, agents);
        rule.version++;
        if (!isDeepStrictEqual(countingOf(before), countingOf(rule))) rule.filterVersion = rule.version;
        const known = await readStatesOfRule(tx.sql, tenantId, id);
        await beginAnew(tx, rule, agents, staysCounted(before, rule) ? known : new Map());
      }
      await tx.manager.save(AlertRuleEntity, rule);
      const changes = changed.flatMap(([name, value]) =>
        changesBetween({ [name]: before[name as keyof RuleChange] }, { [name]: value }),
      );
      if (changes.length > 0)
        await audit(tx, { action: 'ALERT_RULE_UPDATED', subjectId: id, subject: before.name, changes });
      return { rule, closed, agents };
    });
    if (closed > 0) this.onEvents(tenantId);
    for (const agent of agents) this.onBegun(tenantId, agent.id);
    return rule;
  }

  /** Holds its notifications back until then; null: no longer. @throws ApiError NOT_FOUND. */
  async silence(tenantId: string, id: string, until: Date | null, audit: Audit = unrecorded): Promise<AlertRuleEntity> {
    return this.db.inTenants([tenantId], async (tx) => {
      const rule = await existingRule(tx, tenantId, id);
      await tx.manager.update(AlertRuleEntity, { tenantId, id }, { silencedUntil: until });
      await lookAgain(tx.sql, tenantId);
      await audit(tx, {
        action: 'ALERT_RULE_SILENCED',
        subjectId: id,
        subject: rule.name,
        changes: changesBetween({ silencedUntil: rule.silencedUntil }, { silencedUntil: until }),
      });
      return { ...rule, silencedUntil: until };
    });
  }

  async delete(tenantId: string, id: string, audit: Audit = unrecorded): Promise<void> {
    const closed = await this.db.inTenants([tenantId], async (tx) => {
      const agents = await lockAgents(tx, tenantId);
      const rule = await existingRule(tx, tenantId, id);
      const count = await close(tx, rule, agents);
      await tx.manager.delete(AlertRuleEntity, { tenantId, id });
      await audit(tx, { action: 'ALERT_RULE_DELETED', subjectId: id, subject: rule.name });
      return count;
    });
    if (closed > 0) this.onEvents(tenantId);
  }
}

/** All agents of the tenant, in key order: a rule and its states change together. */
async function lockAgents(tx: Transaction, tenantId: string): Promise<LockedAgentRow[]> {
  const ids = await tx.sql<{ id: string }>(
    'SELECT id FROM agent WHERE tenant_id = $1 AND hidden_at IS NULL ORDER BY tenant_id, id',
    [tenantId],
  );
  const agents: LockedAgentRow[] = [];
  for (const { id } of ids) {
    const agent = await lockAgentById(tx.sql, tenantId, id);
    if (agent) agents.push(agent);
  }
  return agents;
}

function existingRule({ manager }: Transaction, tenantId: string, id: string): Promise<AlertRuleEntity> {
  return existing(manager, AlertRuleEntity, { tenantId, id }, 'Alert rule');
}

/** @throws ApiError BAD_USER_INPUT naming what is wrong; NOT_FOUND where an agent is none of these. */
export function checkRule(rule: Required<RuleChange>, agents: readonly { id: string }[]): void {
  if (rule.name.trim() === '' || rule.name.length > NAME_LENGTH_MAX || rule.name.includes('\0')) {
    throw badInput(`name must have 1 to ${NAME_LENGTH_MAX} characters.`);
  }
  if (rule.windowSeconds > WINDOW_SECONDS_MAX) throw badInput('window must be a day at most (P1D).');
  if (!Number.isFinite(rule.threshold) || rule.threshold < 0)
    throw badInput(`threshold is ${rule.threshold}; expected a number from 0.`);
  if (rule.recoveryThreshold !== null && !Number.isFinite(rule.recoveryThreshold))
    throw badInput('recoveryThreshold must be a number.');
  if (rule.minHits < 0) throw badInput(`minHits is ${rule.minHits}; expected a whole number from 0.`);
  if (rule.noDataAfter !== null && rule.noDataAfter < NO_DATA_SECONDS_MIN)
    throw badInput('noDataAfter must be a minute or more (PT1M).');
  if (rule.remindEvery !== null && rule.remindEvery < REMIND_SECONDS_MIN)
    throw badInput('remindEvery must be a minute or more (PT1M).');
  const wrong = filterProblem(rule.filter ?? {});
  if (wrong !== null) throw badInput(`The filter of ${rule.name}: ${wrong}.`);
  const problem = recoveryProblem(rule);
  if (problem !== null) throw badInput(problem);
  if (rule.agentIds.some((id) => !agents.some((agent) => agent.id === id))) throw notFound('Agent');
}

/** Whether what is counted for a rule is what it looks at after a change too. */
function staysCounted(before: AlertRuleEntity, after: AlertRuleEntity): boolean {
  const { enabled, windowSeconds, agentIds, filterVersion } = after;
  return (
    before.enabled === enabled &&
    before.windowSeconds >= windowSeconds &&
    before.filterVersion === filterVersion &&
    isDeepStrictEqual(before.agentIds, agentIds)
  );
}

/**
 * Each agent's state begins OK at its clock; an agent without one begins with its first entry. The past of a rule that
 * counts entries itself is counted by the next evaluation, but where it is counted already by the states known.
 */
async function beginAnew(
  tx: Transaction,
  rule: AlertRuleEntity,
  agents: LockedAgentRow[],
  known: ReadonlyMap<string, StoredState>,
): Promise<void> {
  for (const agent of agents) {
    const [streams] = await readClockStreams(tx.sql, [{ tenantId: rule.tenantId, agentId: agent.id }]);
    const computed = alertClockMs(streams, agent.nowMs);
    if (computed === null && agent.alertClockMs === null) continue;
    const clockMs = Math.max(computed ?? 0, agent.alertClockMs ?? 0);
    const countedFrom = known.get(agent.id)?.countedFrom ?? null;
    await writeStates(tx.sql, [{ ...newState(rule, agent.id), decidedUntil: decidableUntil(clockMs), countedFrom }]);
    await tx.sql('UPDATE agent SET alert_rested = false WHERE tenant_id = $1 AND id = $2', [rule.tenantId, agent.id]);
  }
}

/** Ends all alert states of an agent that is deleted; returns how many fired, and are closed. Its lock is held. */
export async function endStatesOfAgent(tx: Transaction, tenantId: string, agent: LockedAgentRow): Promise<number> {
  let closed = 0;
  const rules = await tx.manager.find(AlertRuleEntity, { where: { tenantId }, order: { createdAt: 'ASC', id: 'ASC' } });
  for (const rule of rules) closed += await close(tx, rule, [agent]);
  await tx.sql('DELETE FROM alert_state WHERE tenant_id = $1 AND agent_id = $2', [tenantId, agent.id]);
  await reviseAlerts(tx.sql, [{ tenantId, agentId: agent.id }]);
  return closed;
}

/** What fires is closed at its last decided second, with its value; that there is no data now; what flaps has settled. Returns how many. */
async function close(tx: Transaction, rule: AlertRuleEntity, agents: LockedAgentRow[]): Promise<number> {
  const states = await readStatesOfRule(tx.sql, rule.tenantId, rule.id);
  await settleFlapping(
    tx.sql,
    rule,
    agents.map(({ id }) => id),
  );
  const events: NewAlertEvent[] = [];
  for (const agent of agents) {
    const state = states.get(agent.id);
    if (!state) continue;
    const about = { rule, agentId: agent.id, agentName: agent.name, type: 'CLOSED' as const };
    const { firing, decidedUntil, value, startedBy, noDataBy, noDataSinceMs } = state;
    if (firing) events.push({ ...about, id: randomUUID(), at: decidedUntil!, value: value ?? 0, startedBy });
    if (noDataBy !== null) {
      const at = Math.floor(agent.nowMs / 1_000);
      const noData = { value: at - Math.floor(noDataSinceMs! / 1_000), startedBy: noDataBy, isNoData: true };
      events.push({ ...about, ...noData, id: randomUUID(), at });
    }
  }
  await recordAlertEvents(tx.sql, rule.tenantId, events);
  return events.length;
}
