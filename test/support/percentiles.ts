import { placesOf, valueOfPlace } from '../../server/core/sketches/dd-sketch.js';
import type { BinMap } from '../../server/core/sketches/value-bins.js';

/** The smallest of values with at least `q` of all at or below it; null: there is none. */
export function nearestRank(values: readonly number[], q: number): number | null {
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.ceil(q * values.length) - 1] ?? null;
}

/** The value that a sketch tells of one: its bin's middle. */
export const asSketched = (value: number): number => valueOfPlace(placesOf(Float64Array.of(value))[0]);

/** Values in the bins of a sketch. */
export function binsOf(values: readonly number[]): BinMap {
  const bins: BinMap = new Map();
  for (const place of placesOf(Float64Array.from(values))) bins.set(place, (bins.get(place) ?? 0) + 1);
  return bins;
}
