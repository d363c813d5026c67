import type { StatusCounts, TrafficStats, TrafficWindow } from '../../schema/types/traffic.type.js';
import { type Dimension, STATUS_CLASSES, type Tops, type Totals } from '../core/windows/window.js';
import { type Bucket, emptyBucket } from '../store/sql/traffic.sql.js';

/** Statistics with what their fields `top` and `distinctHosts` are computed from. */
export type Stats = TrafficStats & { tops: Partial<Record<Dimension, Tops>> };

/** Totals over so many seconds, as the API says them. */
export function statsOf(totals: Totals, tops: Stats['tops'], seconds: number): Stats {
  const status = Object.fromEntries(
    STATUS_CLASSES.map((name, i) => [name, totals.status[i]]),
  ) as unknown as StatusCounts;
  return {
    hits: totals.hits,
    hitsPerSecond: seconds > 0 ? totals.hits / seconds : 0,
    bytes: totals.bytes,
    status,
    errorRate: totals.hits === 0 ? 0 : (status.clientError + status.serverError) / totals.hits,
    peakHitsPerSecond: totals.peak,
    tops,
  };
}

/** A window of a series; its statistics are of the part that lies in the span. */
export function windowOf(
  startMs: number,
  stepMs: number,
  bucket: Bucket | undefined,
  span: { fromMs: number; toMs: number; watermarkMs: number | null; dimensions: readonly Dimension[] },
): TrafficWindow {
  const { totals, revision, tops } = bucket ?? emptyBucket(span.dimensions);
  const endMs = startMs + stepMs;
  const seconds = (Math.min(endMs, span.toMs) - Math.max(startMs, span.fromMs)) / 1_000;
  return {
    start: new Date(startMs),
    end: new Date(endMs),
    step: stepMs / 1_000,
    resolution: 'SECONDS_10',
    revision,
    complete: span.watermarkMs !== null && span.watermarkMs >= endMs,
    stats: statsOf(totals, tops, seconds),
  };
}
