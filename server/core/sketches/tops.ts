import { saturatingSum } from '../saturating.js';

export interface KeyCounts {
  hits: number;
  bytes: number;
  clientErrors: number;
  serverErrors: number;
}

export interface TopKey extends KeyCounts {
  key: string;
  /** The hits may be too high by at most this; 0 where exact. */
  maxError: number;
}

/**
 * The heaviest keys of a dimension: exact while few, Space-Saving beyond (Metwally, Agrawal, El Abbadi 2005), merged as
 * Cafaro, Pulimeno, Tempesta 2016 ("A parallel space saving algorithm for frequent items") have it.
 *
 * Always: what a listed key truly has is at most its hits, and at least its hits − maxError; what one that is not listed
 * has is at most `floor`. Bytes and errors are those counted while the key was listed: too low where maxError > 0.
 *
 * In columns: key `i` has the counts at `i` of each. Most tops are written once and never looked into by key.
 */
export interface Tops {
  /** Greatest hits that a key can have that is not listed; 0: all are listed. */
  floor: number;
  keys: string[];
  hits: number[];
  bytes: number[];
  clientErrors: number[];
  serverErrors: number[];
  /** By which the hits counted may be too high. */
  errors: number[];
  /** Sums of the floors of those summaries that listed the key. */
  presentFloors: number[];
  /** Places of the keys; null: not needed so far. */
  places: Map<string, number> | null;
}

/** Keys kept of each dimension, by resolution in seconds: up to so many distinct ones tops are exact. */
const KEYS_MAX: Record<number, number> = { 10: 1_000, 60: 500, 3600: 250, 86400: 250, 2592000: 250 };

/** @param resolution seconds, one of RESOLUTIONS */
export function keysMax(resolution: number): number {
  return KEYS_MAX[resolution];
}

export function emptyTops(): Tops {
  return {
    floor: 0,
    keys: [],
    hits: [],
    bytes: [],
    clientErrors: [],
    serverErrors: [],
    errors: [],
    presentFloors: [],
    places: null,
  };
}

/** Whether all keys that were counted are listed, and any was. */
export function isComplete({ floor, keys }: Tops): boolean {
  return floor === 0 && keys.length > 0;
}

/** Counts hits of a key that is listed, or of one in tops that list all (floor 0). */
export function addKey(tops: Tops, key: string, counts: KeyCounts): void {
  addAt(tops, placeOf(tops, key), counts.hits, counts.bytes, counts.clientErrors, counts.serverErrors);
}

/** Lists a key that is not listed. */
export function append(
  tops: Tops,
  key: string,
  hits: number,
  bytes: number,
  clientErrors: number,
  serverErrors: number,
): number {
  tops.hits.push(hits);
  tops.bytes.push(bytes);
  tops.clientErrors.push(clientErrors);
  tops.serverErrors.push(serverErrors);
  tops.errors.push(0);
  tops.presentFloors.push(0);
  const place = tops.keys.push(key) - 1;
  tops.places?.set(key, place);
  return place;
}

/** The place of a key, which is listed where it was not. */
export function placeOf(tops: Tops, key: string): number {
  tops.places ??= new Map(tops.keys.map((listed, place) => [listed, place]));
  return tops.places.get(key) ?? append(tops, key, 0, 0, 0, 0);
}

/** Counts hits of the key at a place. */
export function addAt(
  tops: Tops,
  at: number,
  hits: number,
  bytes: number,
  clientErrors: number,
  serverErrors: number,
): void {
  tops.hits[at] = saturatingSum(tops.hits[at], hits);
  tops.bytes[at] = saturatingSum(tops.bytes[at], bytes);
  tops.clientErrors[at] = saturatingSum(tops.clientErrors[at], clientErrors);
  tops.serverErrors[at] = saturatingSum(tops.serverErrors[at], serverErrors);
}

/** What a key may have in the summaries that did not list it. */
export function absent(tops: Tops, place: number): number {
  return tops.floor - tops.presentFloors[place];
}

/** Adds what `other` counted. A key that only one side lists may have had up to the other's floor there. */
export function mergeTops(into: Tops, other: Tops): void {
  const { floor, keys, hits, bytes, clientErrors, serverErrors, errors } = other;
  for (let i = 0; i < keys.length; i++) {
    const missing = absent(other, i);
    const place = placeOf(into, keys[i]);
    addAt(into, place, saturatingSum(hits[i], missing), bytes[i], clientErrors[i], serverErrors[i]);
    into.errors[place] += errors[i] + missing;
    into.presentFloors[place] += floor;
  }
  into.floor += floor;
}

/** Keeps the heaviest keys only; what those dropped may have had becomes the floor. */
export function pruneTops(tops: Tops, keysMax: number): void {
  const { keys } = tops;
  if (keys.length <= keysMax) return;
  const bounds = boundsOf(tops);
  const ascending = bounds.slice().sort();
  const threshold = ascending[keys.length - keysMax - 1];
  const above = keys.length - firstAbove(ascending, threshold);
  let ties = keysMax - above;
  const floor = Math.max(tops.floor, threshold);
  const kept = emptyTops();
  for (let i = 0; i < keys.length; i++) {
    if (bounds[i] < threshold || (bounds[i] === threshold && ties-- <= 0)) continue;
    const place = append(kept, keys[i], bounds[i], tops.bytes[i], tops.clientErrors[i], tops.serverErrors[i]);
    kept.errors[place] = tops.errors[i] + absent(tops, i);
    kept.presentFloors[place] = floor;
  }
  Object.assign(tops, kept, { floor });
}

/** Place of the first of ascending numbers that is above `value`. */
function firstAbove(ascending: Float64Array, value: number): number {
  const place = ascending.findIndex((number) => number > value);
  return place === -1 ? ascending.length : place;
}

/** Hits that the heaviest keys have at least, so many of them. */
function leastHits(tops: Tops, count: number): number {
  if (tops.keys.length <= count) return 0;
  const ascending = boundsOf(tops).sort();
  return ascending[ascending.length - count];
}

/** The hits that each key has at most. */
function boundsOf(tops: Tops): Float64Array {
  const bounds = new Float64Array(tops.hits.length);
  for (let place = 0; place < bounds.length; place++)
    bounds[place] = saturatingSum(tops.hits[place], absent(tops, place));
  return bounds;
}

/** The heaviest keys by hits; ties by key. */
export function heaviest(tops: Tops, first: number): TopKey[] {
  const least = leastHits(tops, first);
  const found: TopKey[] = [];
  for (let i = 0; i < tops.keys.length; i++) {
    const missing = absent(tops, i);
    const hits = saturatingSum(tops.hits[i], missing);
    if (hits < least) continue;
    found.push({
      key: tops.keys[i],
      hits,
      bytes: tops.bytes[i],
      clientErrors: tops.clientErrors[i],
      serverErrors: tops.serverErrors[i],
      maxError: tops.errors[i] + missing,
    });
  }
  return found.sort((a, b) => b.hits - a.hits || compareKeys(a.key, b.key)).slice(0, first);
}

/** Code points' order: that of UTF-8 bytes, and of the terminal's `sort` under LC_ALL=C. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above all that one unit can say.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}
