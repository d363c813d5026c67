import {
  type DDSketch,
  decodeDDSketchInto,
  emptyDDSketch,
  encodeDDSketch,
  mergeDDSketch,
} from '../sketches/dd-sketch.js';
import {
  decodeHostsInto,
  emptyHostSet,
  encodeHosts,
  type HostSet,
  LISTED_HOSTS,
  mergeHosts,
} from '../sketches/host-set.js';
import { emptyTops, isComplete, keysMax, mergeTops, pruneTops, type Tops } from '../sketches/tops.js';
import { decodeTopsInto, encodeTops, keysOfColumn } from '../sketches/tops-column.js';

/** Dimensions of tops, in the order of their columns. */
export const DIMENSIONS = ['SECTION', 'PATH', 'HOST', 'USER', 'METHOD', 'STATUS', 'REFERRER', 'USER_AGENT'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What a window's hits were made of. */
export interface Breakdown {
  tops: Record<Dimension, Tops>;
  /** Response sizes, bytes. */
  size: DDSketch;
  /** Response times, milliseconds, of the entries that have one. */
  duration: DDSketch;
  /** Distinct clients. */
  hosts: HostSet;
}

/** Each part has a column of its own. */
export const PARTS = [...DIMENSIONS, 'SIZE', 'DURATION', 'HOSTS'] as const;
export type Part = (typeof PARTS)[number];

export function emptyBreakdown(): Breakdown {
  const tops = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, emptyTops()])) as Breakdown['tops'];
  return { tops, size: emptyDDSketch(), duration: emptyDDSketch(), hosts: emptyHostSet() };
}

export function mergeBreakdown(into: Breakdown, other: Breakdown): void {
  for (const dimension of DIMENSIONS) mergeTops(into.tops[dimension], other.tops[dimension]);
  mergeDDSketch(into.size, other.size);
  mergeDDSketch(into.duration, other.duration);
  mergeHosts(into.hosts, other.hosts);
}

/** Caps the keys of tops: a flood of distinct ones cannot grow a window without bound. */
export function pruneBreakdown(breakdown: Breakdown, resolution: number): void {
  for (const dimension of DIMENSIONS) pruneTops(breakdown.tops[dimension], keysMax(resolution));
}

/** Keys that a breakdown made of many may gather before it is done, as multiples of those kept. */
const GROWTH_MAX = 8;
const GROWTH_KEPT = 4;

/** Bounds what a breakdown holds while others are merged into it: it is pruned at last. */
export function boundGrowth(breakdown: Breakdown, resolution: number): void {
  const kept = keysMax(resolution);
  for (const dimension of DIMENSIONS) {
    const tops = breakdown.tops[dimension];
    if (tops.keys.length > kept * GROWTH_MAX) pruneTops(tops, kept * GROWTH_KEPT);
  }
}

/** Distinct clients take a byte where their top lists all of them. */
export function encodePart(breakdown: Breakdown, part: Part): Buffer {
  if (part === 'SIZE') return encodeDDSketch(breakdown.size);
  if (part === 'DURATION') return encodeDDSketch(breakdown.duration);
  if (part === 'HOSTS') return isComplete(breakdown.tops.HOST) ? LISTED_HOSTS : encodeHosts(breakdown.hosts);
  return encodeTops(breakdown.tops[part]);
}

/** Each part as its column. */
export type EncodedBreakdown = Record<Part, Buffer>;

export function encodeBreakdown(breakdown: Breakdown): EncodedBreakdown {
  return Object.fromEntries(PARTS.map((part) => [part, encodePart(breakdown, part)])) as EncodedBreakdown;
}

/** Those whose columns are needed to read `parts`. */
export function partsNeeded(parts: readonly Part[]): readonly Part[] {
  return parts.includes('HOSTS') && !parts.includes('HOST') ? [...parts, 'HOST'] : parts;
}

/**
 * Adds encoded parts to a breakdown.
 *
 * @param columnOf the column of each part of `partsNeeded`
 */
export function decodePartsInto(breakdown: Breakdown, parts: readonly Part[], columnOf: (part: Part) => Buffer): void {
  for (const part of parts) {
    const column = columnOf(part);
    if (part === 'SIZE') decodeDDSketchInto(breakdown.size, column);
    else if (part === 'DURATION') decodeDDSketchInto(breakdown.duration, column);
    else if (part === 'HOSTS') decodeHostsInto(breakdown.hosts, column, () => keysOfColumn(columnOf('HOST')));
    else decodeTopsInto(breakdown.tops[part], column);
  }
}
