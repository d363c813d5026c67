import type { Logger } from 'pino';
import { countsNeeded, decideAlert, mayRest, type SecondCounts } from '../core/alerts/decide.js';
import { agentHasEnded, alertClockMs, decidableUntil, nextClockChange } from '../core/time/clock.js';
import { decodeSeconds } from '../core/windows/encoding.js';
import { SECONDS_PER_WINDOW } from '../core/windows/tumbling.js';
import { hitsBySecond } from '../core/windows/window.js';
import { isTransient } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { AlertRuleEntity } from '../store/entities/alert-rule.entity.js';
import { type LockedAgentRow, lockAgentById, readClockStreams } from '../store/sql/agent.sql.js';
import { readSeconds } from '../store/sql/traffic.sql.js';
import { recordAlertEvent } from './events.js';
import { newState, readStatesOfAgent, type StoredState, specOf, writeState } from './states.js';

/** How long changes of an agent are gathered before its rules are decided: below what a person notices. */
const GATHER_MS = 250;
/** A lock that is held, a database that is away: again after this. */
const AGAIN_MS = 1_000;

const CLIENT_ERROR = 3;
const SERVER_ERROR = 4;

interface Due {
  tenantId: string;
  agentId: string;
}

/** What one evaluation of an agent found. */
interface Evaluation {
  /** False where another holds the agent's lock. */
  done: boolean;
  events: number;
  /** Nothing fires and no window holds a count. */
  rested: boolean;
  /** Milliseconds until the clock may move without a message; null: not before one comes. */
  againInMs: number | null;
}

/**
 * Decides the alert rules of agents whose clock has moved: state, events and their numbers in one transaction, under
 * the agent's lock, so that any server may do it and each event is recorded once.
 *
 * It rests for an agent once nothing fires and no window holds a count.
 */
export class Evaluator {
  private readonly planned = new Map<string, { timer: NodeJS.Timeout; atMs: number }>();
  private readonly running = new Set<Promise<void>>();
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onEvents: (tenantId: string) => void,
  ) {}

  /** Takes up what was not rested when a server last stopped. */
  async start(): Promise<void> {
    const due = await this.db.ownerSql<Due & { [column: string]: unknown }>(
      `SELECT tenant_id AS "tenantId", id AS "agentId" FROM agent WHERE NOT alert_rested`,
    );
    for (const { tenantId, agentId } of due) this.appended(tenantId, agentId);
  }

  /** Entries came in. */
  appended(tenantId: string, agentId: string): void {
    this.schedule({ tenantId, agentId }, GATHER_MS);
  }

  /** A heartbeat came in of an agent that is not resting, whichever server took its batches: it moves its clock. */
  heardOf(tenantId: string, agentId: string): void {
    this.schedule({ tenantId, agentId }, GATHER_MS);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const { timer } of this.planned.values()) clearTimeout(timer);
    this.planned.clear();
    await Promise.all(this.running);
  }

  /** Plans an evaluation; of two plans for an agent the earlier counts. */
  private schedule(due: Due, delayMs: number): void {
    const atMs = performance.now() + delayMs;
    const planned = this.planned.get(due.agentId);
    if (this.stopped || (planned && planned.atMs <= atMs)) return;
    clearTimeout(planned?.timer);
    const timer = setTimeout(() => {
      this.planned.delete(due.agentId);
      const run = this.run(due).finally(() => this.running.delete(run));
      this.running.add(run);
    }, delayMs);
    this.planned.set(due.agentId, { timer, atMs });
  }

  private async run(due: Due): Promise<void> {
    try {
      const { done, events, rested, againInMs } = await this.evaluate(due);
      if (events > 0) this.onEvents(due.tenantId);
      if (!done) this.schedule(due, AGAIN_MS);
      else if (!rested && againInMs !== null) this.schedule(due, Math.max(againInMs, AGAIN_MS));
    } catch (error) {
      if (!isTransient(error)) this.log.error({ err: error, agentId: due.agentId }, 'alert evaluation failed');
      this.schedule(due, AGAIN_MS);
    }
  }

  /** Decides all rules of one agent up to its clock. */
  private async evaluate({ tenantId, agentId }: Due): Promise<Evaluation> {
    return this.db.inTenants([tenantId], async (tx) => {
      const agent = await lockAgentById(tx.sql, tenantId, agentId, { skipLocked: true });
      if (!agent) return { done: !(await exists(tx, tenantId, agentId)), events: 0, rested: true, againInMs: null };
      const [streams] = await readClockStreams(tx.sql, [{ tenantId, agentId }]);
      const computed = alertClockMs(streams, agent.nowMs);
      const clockMs = computed === null ? agent.alertClockMs : Math.max(computed, agent.alertClockMs ?? computed);
      if (clockMs === null || agent.firstEventMs === null)
        return { done: true, events: 0, rested: false, againInMs: null };

      const rules = await rulesOf(tx, tenantId, agentId);
      const decided = await decideRules(tx, tenantId, agent, rules, clockMs, agentHasEnded(streams, agent.nowMs));
      await tx.sql(
        `UPDATE agent SET alert_clock_ms = $3, alert_rested = $4 WHERE tenant_id = $1 AND id = $2
         AND (alert_clock_ms IS DISTINCT FROM $3 OR alert_rested <> $4)`,
        [tenantId, agentId, clockMs, decided.rested],
      );
      const nextMs = nextClockChange(streams, agent.nowMs);
      return { done: true, ...decided, againInMs: nextMs === null ? null : nextMs - agent.nowMs };
    });
  }
}

async function exists(tx: Transaction, tenantId: string, agentId: string): Promise<boolean> {
  return (await tx.sql('SELECT FROM agent WHERE tenant_id = $1 AND id = $2', [tenantId, agentId])).length > 0;
}

async function rulesOf(tx: Transaction, tenantId: string, agentId: string): Promise<AlertRuleEntity[]> {
  const rules = await tx.manager.find(AlertRuleEntity, {
    where: { tenantId, enabled: true },
    order: { createdAt: 'ASC', id: 'ASC' },
  });
  return rules.filter((rule) => rule.agentIds.length === 0 || rule.agentIds.includes(agentId));
}

async function decideRules(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  rules: AlertRuleEntity[],
  clockMs: number,
  ended: boolean,
): Promise<{ events: number; rested: boolean }> {
  const states = await readStatesOfAgent(tx.sql, tenantId, agent.id);
  const known = rules.map((rule) => ({ rule, state: states.get(rule.id) ?? newState(rule, agent.id) }));
  const firstEventSecond = Math.floor(agent.firstEventMs! / 1_000);
  const newestSecond = Math.floor(agent.lastEventMs! / 1_000);
  const needed = known.map(({ rule, state }) => countsNeeded(specOf(rule), state, firstEventSecond).fromSecond);
  const counts = known.length === 0 ? [] : await readCounts(tx, tenantId, agent.id, Math.min(...needed), newestSecond);

  const moved: { rule: AlertRuleEntity; state: StoredState; transitions: Transitions }[] = [];
  for (const { rule, state } of known) {
    const spec = specOf(rule);
    let decision = decideAlert(spec, state, counts, { firstEventSecond, until: decidableUntil(clockMs) });
    const transitions = [...decision.transitions];
    if (ended) {
      const until = newestSecond + rule.windowSeconds;
      decision = decideAlert(spec, decision.state, counts, { firstEventSecond, until, onlyRecover: true });
      transitions.push(...decision.transitions);
    }
    moved.push({ rule, state: { ...state, ...decision.state }, transitions });
  }
  const events = await record(tx, tenantId, agent, moved);
  const rested = moved.every(({ rule, state }) => mayRest(specOf(rule), state, newestSecond));
  return { events, rested };
}

type Transitions = ReturnType<typeof decideAlert>['transitions'];

/** Writes states and events; the events of all rules in the order of their seconds. */
async function record(
  tx: Transaction,
  tenantId: string,
  agent: LockedAgentRow,
  moved: { rule: AlertRuleEntity; state: StoredState; transitions: Transitions }[],
): Promise<number> {
  const events = moved.flatMap(({ rule, state, transitions }) =>
    transitions.map((transition) => ({ rule, state, transition })),
  );
  events.sort((a, b) => a.transition.at - b.transition.at);
  for (const { rule, state, transition } of events) {
    const id = await recordAlertEvent(tx.sql, tenantId, {
      rule,
      agentId: agent.id,
      agentName: agent.name,
      ...transition,
      startedBy: transition.type === 'RECOVERED' ? state.startedBy : null,
    });
    state.startedBy = transition.type === 'TRIGGERED' ? id : null;
  }
  for (const { state } of moved) await writeState(tx.sql, tenantId, state);
  return events.length;
}

/** An agent's counts by second, those that are not zero. */
async function readCounts(
  tx: Transaction,
  tenantId: string,
  agentId: string,
  fromSecond: number,
  toSecond: number,
): Promise<SecondCounts[]> {
  const counts: SecondCounts[] = [];
  for (const row of await readSeconds(tx.sql, tenantId, agentId, fromSecond, toSecond)) {
    const seconds = decodeSeconds(row.seconds);
    const hits = hitsBySecond(seconds);
    for (let i = 0; i < SECONDS_PER_WINDOW; i++) {
      if (hits[i] === 0) continue;
      const { bytes, status } = seconds;
      const [clientErrors, serverErrors] = [status[CLIENT_ERROR][i], status[SERVER_ERROR][i]];
      counts.push({ second: row.startMs / 1_000 + i, hits: hits[i], bytes: bytes[i], clientErrors, serverErrors });
    }
  }
  return counts;
}
