/** An agent's rules are decided again after so long for each agent that is, milliseconds: what deciding takes of a core is bounded. */
const MS_AN_AGENT = 1.5;
/** Not later than that, so that an alert comes within eight seconds of its second. */
const INTERVAL_MS_MAX = 1_500;
/** What is due within a sixth of the interval goes together. */
export const PASSES_AN_INTERVAL = 6;
/** Who was not decided for so long is no longer one of many. */
const LIVE_MS = 10_000;

/** Milliseconds between two evaluations of an agent where so many are decided all the time. */
export function evaluationIntervalMs(agents: number): number {
  return Math.min(agents * MS_AN_AGENT, INTERVAL_MS_MAX);
}

/** How soon agents may be decided again: the more there are, the less often each. Times are of any one clock, milliseconds. */
export class EvaluationPace {
  /** By agent, the latest last. */
  private readonly decidedAtMs = new Map<string, number>();

  /** When an agent that is not to be decided before `notBeforeMs` is. */
  next(agentId: string, notBeforeMs: number): number {
    const intervalMs = evaluationIntervalMs(this.decidedAtMs.size);
    const passMs = intervalMs / PASSES_AN_INTERVAL;
    if (passMs === 0) return notBeforeMs;
    const decidedAtMs = this.decidedAtMs.get(agentId) ?? Number.NEGATIVE_INFINITY;
    // Of the pass that it was decided in, it counts when that was due.
    const againAtMs = Math.floor(decidedAtMs / passMs) * passMs + intervalMs;
    return Math.ceil(Math.max(notBeforeMs, againAtMs) / passMs) * passMs;
  }

  /** It is decided now. */
  decided(agentId: string, nowMs: number): void {
    this.decidedAtMs.delete(agentId);
    this.decidedAtMs.set(agentId, nowMs);
    for (const [oldest, atMs] of this.decidedAtMs) {
      if (nowMs - atMs <= LIVE_MS) break;
      this.decidedAtMs.delete(oldest);
    }
  }

  /** It was not decided, or rests. */
  forget(agentId: string): void {
    this.decidedAtMs.delete(agentId);
  }
}
