import type { Logger } from 'pino';
import { EvaluationPace } from '../core/alerts/pace.js';
import { isTransient } from '../errors.js';
import type { Database } from '../store/database.js';
import type { AgentKey } from '../store/sql/agent.sql.js';
import { type Evaluation, evaluateAgents } from './evaluate.js';
import { AlertMemory } from './memory.js';

/** How long changes of an agent are gathered before its rules are decided: below what a person notices. */
const GATHER_MS = 250;
/** A lock that is held, a database that is away: again after this. */
const AGAIN_MS = 1_000;
/** Another holds the agent's lock, for a batch most likely. */
const HELD_AGAIN_MS = 100;
/** Agents that are decided in one transaction at most: their batches wait for it. */
export const AGENTS_AT_ONCE = 200;

/**
 * Decides the alert rules of agents whose clock has moved: state, events and their numbers in one transaction, under
 * the agents' locks, so that any server may do it and each event is recorded once. What is due goes together, and the
 * more is due, the more do.
 *
 * It rests for an agent once nothing fires and no window holds a count.
 */
export class Evaluator {
  /** Agents by when they are due, milliseconds of the monotonic clock. */
  private readonly due = new Map<string, AgentKey & { atMs: number }>();
  private readonly pace = new EvaluationPace();
  private readonly memory = new AlertMemory();
  private timer: NodeJS.Timeout | undefined;
  private wakesAtMs = Number.POSITIVE_INFINITY;
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly db: Database,
    private readonly log: Logger,
    private readonly onEvents: (tenantId: string) => void,
  ) {}

  /** Takes up what was not rested when a server last stopped. */
  async start(): Promise<void> {
    const due = await this.db.ownerSql<AgentKey & { [column: string]: unknown }>(
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
    clearTimeout(this.timer);
    this.due.clear();
    await this.running;
  }

  /** Plans an evaluation, not too soon after the last one; of two plans for an agent the earlier counts. */
  private schedule({ tenantId, agentId }: AgentKey, delayMs: number): void {
    const atMs = this.pace.next(agentId, performance.now() + delayMs);
    const planned = this.due.get(agentId);
    if (this.stopped || (planned && planned.atMs <= atMs)) return;
    this.due.set(agentId, { tenantId, agentId, atMs });
    if (this.running === null && atMs < this.wakesAtMs) this.wake(atMs);
  }

  private wake(atMs: number): void {
    clearTimeout(this.timer);
    this.wakesAtMs = atMs;
    this.timer = setTimeout(
      () => {
        this.wakesAtMs = Number.POSITIVE_INFINITY;
        this.running = this.runDue().finally(() => {
          this.running = null;
          const nextMs = Math.min(...Array.from(this.due.values(), (one) => one.atMs));
          if (!this.stopped && this.due.size > 0) this.wake(nextMs);
        });
      },
      Math.max(0, atMs - performance.now()),
    );
  }

  private async runDue(): Promise<void> {
    const nowMs = performance.now();
    const due = [...this.due.values()].filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    for (let from = 0; from < due.length && !this.stopped; from += AGENTS_AT_ONCE)
      await this.run(due.slice(from, from + AGENTS_AT_ONCE));
  }

  private async run(some: readonly AgentKey[]): Promise<void> {
    const nowMs = performance.now();
    // What comes from here on may be too late for this evaluation.
    for (const { agentId } of some) {
      this.due.delete(agentId);
      this.pace.decided(agentId, nowMs);
    }
    try {
      const evaluations = await evaluateAgents(this.db, some, this.memory);
      some.forEach((agent, i) => {
        this.follow(agent, evaluations[i]);
      });
    } catch (error) {
      await this.recover(some, error);
    }
  }

  private follow(agent: AgentKey, { held, events, rested, againInMs }: Evaluation): void {
    const { tenantId, agentId } = agent;
    if (events > 0) this.onEvents(tenantId);
    if (held || rested) this.pace.forget(agentId);
    if (held) this.schedule(agent, HELD_AGAIN_MS);
    else if (rested) this.memory.forget(agentId);
    else if (againInMs !== null) this.schedule(agent, Math.max(againInMs, AGAIN_MS));
  }

  /** What fails together is done one by one, so that one agent's trouble is not another's. */
  private async recover(some: readonly AgentKey[], error: unknown): Promise<void> {
    if (some.length > 1 && !isTransient(error)) {
      for (const one of some) await this.run([one]);
      return;
    }
    if (!isTransient(error)) this.log.error({ err: error, agentId: some[0].agentId }, 'alert evaluation failed');
    for (const one of some) this.schedule(one, AGAIN_MS);
  }
}
