import { sumsBySecond, valueAt } from '../crash/check-alerts.js';
import type { RuleUnderFire } from '../crash/rules.js';
import type { ModelEntry } from './model.js';

/** What a rule told: an event, without what names it. */
export interface ModelEvent {
  type: 'TRIGGERED' | 'RECOVERED';
  /** Unix second. */
  at: number;
  value: number;
}

/** A rule over one agent, second by second, forward only. */
export class ModelRule {
  readonly events: ModelEvent[] = [];
  /** The last second that is decided; null: none is. */
  decidedUntil: number | null = null;
  private firstSecond: number | null = null;

  constructor(readonly rule: RuleUnderFire) {}

  get isFiring(): boolean {
    return this.events.at(-1)?.type === 'TRIGGERED';
  }

  /** Decides up to a second, of all entries counted now; then, where the sources have ended, on to a recovery. */
  decide(entries: readonly ModelEntry[], untilSecond: number, ended: boolean): void {
    const counted = entries.filter((entry) => entry.counted);
    const secondsOf = (some: readonly ModelEntry[]) => some.map(({ timeMs }) => Math.floor(timeMs / 1_000));
    // What is deleted was there all the same: an agent's first and newest entry stay.
    const all = secondsOf(entries);
    this.firstSecond = Math.min(this.firstSecond ?? Number.POSITIVE_INFINITY, ...all);
    const sums = sumsBySecond(counted);
    if (untilSecond >= this.undecided) {
      this.walk(secondsOf(counted), sums, { until: untilSecond, onlyRecover: false });
      this.decidedUntil = untilSecond;
    }
    if (!ended || !this.isFiring) return;
    this.walk(secondsOf(counted), sums, { until: Math.max(...all) + this.rule.windowSeconds, onlyRecover: true });
    if (!this.isFiring) this.decidedUntil = this.events.at(-1)!.at;
  }

  private get undecided(): number {
    return Math.max((this.decidedUntil ?? Number.NEGATIVE_INFINITY) + 1, this.firstSecond!);
  }

  /** Looks at the seconds at which the sum may change: between them nothing can happen. */
  private walk(
    seconds: readonly number[],
    sums: ReturnType<typeof sumsBySecond>,
    { until, onlyRecover }: { until: number; onlyRecover: boolean },
  ): void {
    const { rule, undecided: from } = this;
    const mayFireFrom = rule.comparison === 'LESS_THAN' ? this.firstSecond! + rule.windowSeconds : from;
    const changes = [from, mayFireFrom, ...seconds, ...seconds.map((second) => second + rule.windowSeconds)];
    for (const at of [...new Set(changes)].filter((second) => second >= from && second <= until).sort(ascending)) {
      const value = valueAt(rule, sums, at);
      if (this.isFiring && !beyond(rule, value, rule.recoveryThreshold ?? rule.threshold)) {
        this.events.push({ type: 'RECOVERED', at, value: value ?? 0 });
        if (onlyRecover) return;
      } else if (!this.isFiring && at >= mayFireFrom && beyond(rule, value, rule.threshold)) {
        this.events.push({ type: 'TRIGGERED', at, value: value! });
      }
    }
  }
}

const ascending = (a: number, b: number): number => a - b;

const beyond = ({ comparison }: RuleUnderFire, value: number | null, bound: number): boolean =>
  value !== null && (comparison === 'LESS_THAN' ? value < bound : value > bound);
