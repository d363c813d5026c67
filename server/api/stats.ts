import type { StatusCounts, TrafficStats, TrafficWindow } from '../../schema/types/traffic.type.js';
import type { Floors } from '../core/rollup/plan.js';
import type { Breakdown } from '../core/windows/breakdown.js';
import { STATUS_CLASSES, type Totals } from '../core/windows/window.js';
import { type Bucket, emptyBucket } from '../store/traffic/buckets.js';
import type { Span } from './timeframe.js';
import { breakdownFrame, resolutionName } from './traffic/frame.js';

/** Statistics with what their fields `top`, `distinctHosts` and percentiles are computed from. */
export type Stats = TrafficStats & { breakdown: Breakdown | null };

/** What statistics are of. */
export interface StatsSpan {
  span: Span;
  /** Of breakdowns, common to all agents. */
  breakdownFloors: Floors;
}

/** Statistics as the API says them. */
export function statsOf(totals: Totals, breakdown: Breakdown | null, { span, breakdownFloors }: StatsSpan): Stats {
  const status = Object.fromEntries(
    STATUS_CLASSES.map((name, i) => [name, totals.status[i]]),
  ) as unknown as StatusCounts;
  const seconds = (span.toMs - span.fromMs) / 1_000;
  const from = breakdownFrame(span, breakdownFloors);
  return {
    hits: totals.hits,
    hitsPerSecond: seconds > 0 ? totals.hits / seconds : 0,
    bytes: totals.bytes,
    status,
    errorRate: totals.hits === 0 ? 0 : (status.clientError + status.serverError) / totals.hits,
    peakHitsPerSecond: totals.peak,
    breakdowns: {
      timeframe: { from: new Date(from.span.fromMs), to: new Date(from.span.toMs) },
      resolution: resolutionName(from.resolution),
    },
    breakdown,
  };
}

/** What a series' windows have in common. */
export interface SeriesOf extends StatsSpan {
  stepMs: number;
  /** Seconds. */
  resolution: number;
  /** Null: no entry yet. */
  watermarkMs: number | null;
  /** Of a window without a row. */
  emptyRevision: number;
}

/** A window of a series; its statistics are of the part that lies in the span. */
export function windowOf(startMs: number, bucket: Bucket | undefined, series: SeriesOf): TrafficWindow {
  const { stepMs, span, watermarkMs } = series;
  const { totals, beyondDeletion, breakdown } = bucket ?? emptyBucket();
  const endMs = startMs + stepMs;
  const part = { fromMs: Math.max(startMs, span.fromMs), toMs: Math.min(endMs, span.toMs) };
  return {
    start: new Date(startMs),
    end: new Date(endMs),
    step: stepMs / 1_000,
    resolution: resolutionName(series.resolution),
    revision: series.emptyRevision + beyondDeletion,
    complete: watermarkMs !== null && watermarkMs >= endMs,
    stats: statsOf(totals, breakdown, { span: part, breakdownFloors: series.breakdownFloors }),
  };
}
