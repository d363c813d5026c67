import { RESOLUTIONS, rollupStart } from '../windows/resolutions.js';
import { EVENT_MS_MIN } from '../windows/tumbling.js';
import { alignToKept, type Floors, finestKept, type Mark, type Range, roundUp } from './plan.js';

interface Span {
  fromMs: number;
  toMs: number;
}

/** A border of a span that would cut a window of which nothing finer is kept. */
export interface CutBorder {
  atMs: number;
  /** Of that window, seconds. */
  resolution: number;
}

/** @param floors of breakdowns: where these are gone, the rest of a window could not be computed anew. Null: no border cuts. */
export function cutBorder({ fromMs, toMs }: Span, floors: Floors): CutBorder | null {
  const [first, last] = [finestKept(floors, fromMs), finestKept(floors, toMs - 1)];
  if (cuts(fromMs, first)) return { atMs: fromMs, resolution: first };
  return cuts(toMs, last) ? { atMs: toMs, resolution: last } : null;
}

/** Before the first event that can be there is nothing to cut. */
function cuts(borderMs: number, resolution: number): boolean {
  return borderMs > EVENT_MS_MIN && rollupStart(borderMs, resolution) !== borderMs;
}

/** What erasing a span does to the windows stored of it. */
export interface ErasePlan {
  /** Of each resolution, the windows that lie inside: they go. */
  inside: Range[];
  /** Coarser windows that the span cuts: to be computed anew. */
  cut: Mark[];
}

/** @param span aligned (see `cutBorder`) */
export function planErase({ fromMs, toMs }: Span): ErasePlan {
  const inside: Range[] = [];
  const cut: Mark[] = [];
  for (const resolution of RESOLUTIONS) {
    const [firstMs, lastMs] = [rollupStart(fromMs, resolution), rollupStart(toMs, resolution)];
    const [innerFromMs, innerToMs] = [roundUp(fromMs, resolution), lastMs];
    if (innerFromMs < innerToMs) inside.push({ resolution, fromMs: innerFromMs, toMs: innerToMs });
    if (firstMs !== fromMs) cut.push({ resolution, startMs: firstMs });
    if (lastMs !== toMs && (lastMs !== firstMs || firstMs === fromMs)) cut.push({ resolution, startMs: lastMs });
  }
  return { inside, cut };
}

/** The rows that count what is erased: of each stretch those of the finest resolution kept, each hit once. */
export function finestRanges({ fromMs, toMs }: Span, floors: Floors): Range[] {
  return RESOLUTIONS.map((resolution, place) => ({
    resolution,
    fromMs: Math.max(fromMs, floors[place]),
    toMs: place === 0 ? toMs : Math.min(toMs, floors[place - 1]),
  })).filter((range) => range.fromMs < range.toMs);
}

/** Spans in order, those that touch or overlap as one. */
export function unite(spans: readonly Span[]): Span[] {
  const united: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = united.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, span.toMs);
    else united.push({ ...span });
  }
  return united;
}

/** Borders between slices lie on those of its windows: few coarser ones are cut. Seconds. */
const SLICE_RESOLUTION = 3_600;

/**
 * The part of a span that goes in one transaction, from about `fromMs` to about `untilMs`. It ends on borders of windows
 * that are kept, though floors may have risen since the part before went; never outside of the span.
 */
export function sliceOf(span: Span, { fromMs, untilMs }: { fromMs: number; untilMs: number }, floors: Floors): Span {
  const kept = alignToKept({ fromMs, toMs: roundUp(untilMs, SLICE_RESOLUTION) }, floors);
  return { fromMs: Math.max(span.fromMs, kept.fromMs), toMs: Math.min(span.toMs, kept.toMs) };
}

/** What of these spans lies within `bounds`. */
export function clipped(spans: readonly Span[], bounds: Span): Span[] {
  return spans
    .map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, bounds.fromMs), toMs: Math.min(toMs, bounds.toMs) }))
    .filter(({ fromMs, toMs }) => fromMs < toMs);
}
