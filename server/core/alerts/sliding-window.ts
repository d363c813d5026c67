import { SlidingBins } from '../sketches/value-bins.js';
import type { AlertMetric } from './decide.js';
import type { SecondSeries, Summing } from './second-series.js';

/**
 * The sums of `(t − window, t]` over a series, for a `t` that mostly grows: each second comes in and goes out once, and
 * one that is amended while it is inside is too. To step back, or to jump beyond all that is inside, costs adding up anew.
 */
export class SlidingWindow implements Summing {
  #at = Number.NEGATIVE_INFINITY;
  #hits = 0;
  #bytes = 0;
  #errors = 0;
  /** Sums of doubles are exact up to 2^53 alone: beyond, they are added up anew each time. */
  #isExact = true;
  readonly #durations: SlidingBins | null;

  constructor(
    readonly series: SecondSeries,
    readonly windowSeconds: number,
    metric: AlertMetric,
  ) {
    this.#durations = metric === 'DURATION_P95' ? new SlidingBins() : null;
    series.attach(this);
  }

  get hits(): number {
    return this.#hits;
  }

  /** Numbers that are held beside the series, of eight bytes each, about. */
  get size(): number {
    return this.#durations?.size ?? 0;
  }

  get doneUntil(): number {
    return this.#at - this.windowSeconds;
  }

  moveTo(t: number): void {
    const { series, windowSeconds } = this;
    if (t < this.#at || t - windowSeconds >= this.#at || !this.#isExact) {
      this.#begin(t);
      return;
    }
    const [leftBefore, enteredBefore] = [series.placeAfter(this.#at - windowSeconds), series.placeAfter(this.#at)];
    this.#at = t;
    for (let i = enteredBefore; i < series.length && series.seconds[i] <= t; i++) this.#add(i, 1);
    for (let i = leftBefore; i < series.length && series.seconds[i] <= t - windowSeconds; i++) this.#add(i, -1);
    if (!this.#isExact) this.#begin(t);
  }

  /** The next second at which a count comes in or goes out; infinity: none any more. */
  nextChange(): number {
    const { series, windowSeconds } = this;
    const [leaving, entering] = [series.placeAfter(this.#at - windowSeconds), series.placeAfter(this.#at)];
    const enters = entering < series.length ? series.seconds[entering] : Number.POSITIVE_INFINITY;
    return leaving < entering ? Math.min(enters, series.seconds[leaving] + windowSeconds) : enters;
  }

  /**
   * A quotient, to be compared with the threshold as it is: the double nearest to count / window equals the double
   * that a decimal threshold reads as, while threshold × window is off by a rounding (2.05, 4.1, 8.2, 8.45 × 120).
   *
   * Null: no entry has a response time.
   */
  value(metric: AlertMetric): number | null {
    switch (metric) {
      case 'HITS_PER_SECOND':
        return this.#hits / this.windowSeconds;
      case 'BYTES_PER_SECOND':
        return this.#bytes / this.windowSeconds;
      case 'ERROR_RATE':
        return this.#hits === 0 ? 0 : this.#errors / this.#hits;
      case 'DURATION_P95':
        return this.#durations!.percentile(0.95);
    }
  }

  leave(from: number, to: number): void {
    this.#addWithin(from, to, -1);
  }

  enter(from: number, to: number): void {
    this.#addWithin(from, to, 1);
  }

  #addWithin(from: number, to: number, sign: 1 | -1): void {
    const { seconds } = this.series;
    for (let i = from; i < to; i++)
      if (seconds[i] <= this.#at && seconds[i] > this.#at - this.windowSeconds) this.#add(i, sign);
  }

  #begin(t: number): void {
    this.#at = t;
    this.#hits = 0;
    this.#bytes = 0;
    this.#errors = 0;
    this.#isExact = true;
    this.#durations?.clear();
    this.#addWithin(this.series.placeAfter(t - this.windowSeconds), this.series.placeAfter(t), 1);
  }

  #add(i: number, sign: 1 | -1): void {
    const { hits, bytes, errors, durations } = this.series;
    this.#hits += sign * hits[i];
    this.#bytes += sign * bytes[i];
    this.#errors += sign * errors[i];
    if (this.#bytes > Number.MAX_SAFE_INTEGER) this.#isExact = false;
    const bins = durations?.[i];
    if (this.#durations === null || bins === undefined) return;
    if (sign > 0) this.#durations.add(bins);
    else this.#durations.remove(bins);
  }
}
