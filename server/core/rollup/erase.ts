import { RESOLUTIONS, rollupEnd, rollupStart } from '../windows/resolutions.js';
import { type Floors, finestKept, type Mark, type Range, roundUp } from './plan.js';

interface Span {
  fromMs: number;
  toMs: number;
}

/** The resolution, seconds, that a border of a span to be erased would cut a kept window of; null: none. */
export function misaligned({ fromMs, toMs }: Span, floors: Floors): number | null {
  const [first, last] = [finestKept(floors, fromMs), finestKept(floors, toMs - 1)];
  if (rollupStart(fromMs, first) !== fromMs) return first;
  return roundUp(toMs, last) === toMs ? null : last;
}

/** What erasing a span does to the windows stored of it. */
export interface ErasePlan {
  /** Of each resolution, the windows that lie inside: they go. */
  inside: Range[];
  /** Coarser windows that the span cuts: to be computed anew. */
  cut: Mark[];
}

/** @param span aligned (see `misaligned`) */
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

/** A span cut at the borders of a resolution's windows. */
export function sliced({ fromMs, toMs }: Span, resolution: number): Span[] {
  const slices: Span[] = [];
  for (let startMs = fromMs; startMs < toMs; ) {
    const endMs = Math.min(toMs, rollupEnd(rollupStart(startMs, resolution), resolution));
    slices.push({ fromMs: startMs, toMs: endMs });
    startMs = endMs;
  }
  return slices;
}
