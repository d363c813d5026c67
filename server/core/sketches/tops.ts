import { saturatingSum } from '../saturating.js';
import { ByteReader, ByteWriter } from '../windows/bytes.js';

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

interface Listed extends KeyCounts {
  /** By which the hits counted may be too high. */
  error: number;
  /** Sum of the floors of those summaries that listed the key. */
  presentFloor: number;
}

/**
 * The heaviest keys of a dimension: exact while few, Space-Saving beyond (Metwally, Agrawal, El Abbadi 2005), merged as
 * Cafaro, Pulimeno, Tempesta 2016 ("A parallel space saving algorithm for frequent items") have it.
 *
 * Always: what a listed key truly has is at most its hits, and at least its hits − maxError; what one that is not listed
 * has is at most `floor`. Bytes and errors are those counted while the key was listed: too low where maxError > 0.
 */
export interface Tops {
  /** Greatest hits that a key can have that is not listed; 0: all are listed. */
  floor: number;
  listed: Map<string, Listed>;
}

/** Keys kept of each dimension, by resolution in seconds: up to so many distinct ones tops are exact. */
const KEYS_MAX: Record<number, number> = { 10: 1_000, 60: 500, 3600: 250, 86400: 250, 2592000: 250 };

/** @param resolution seconds, one of RESOLUTIONS */
export function keysMax(resolution: number): number {
  return KEYS_MAX[resolution];
}

export function emptyTops(): Tops {
  return { floor: 0, listed: new Map() };
}

/** Counts hits of a key that is listed, or of one in tops that list all (floor 0). */
export function addKey(tops: Tops, key: string, counts: KeyCounts): void {
  addCounts(listedAt(tops, key), counts);
}

function listedAt({ listed }: Tops, key: string): Listed {
  let known = listed.get(key);
  if (known === undefined) {
    known = { hits: 0, bytes: 0, clientErrors: 0, serverErrors: 0, error: 0, presentFloor: 0 };
    listed.set(key, known);
  }
  return known;
}

function addCounts(known: Listed, other: KeyCounts): void {
  known.hits = saturatingSum(known.hits, other.hits);
  known.bytes = saturatingSum(known.bytes, other.bytes);
  known.clientErrors = saturatingSum(known.clientErrors, other.clientErrors);
  known.serverErrors = saturatingSum(known.serverErrors, other.serverErrors);
}

/** What a key may have in the summaries that did not list it. */
function absent(tops: Tops, { presentFloor }: Listed): number {
  return tops.floor - presentFloor;
}

/** Adds what `other` counted. A key that only one side lists may have had up to the other's floor there. */
export function mergeTops(into: Tops, other: Tops): void {
  const { floor } = other;
  for (const [key, listed] of other.listed) {
    const missing = absent(other, listed);
    const known = listedAt(into, key);
    addCounts(known, listed);
    known.hits = saturatingSum(known.hits, missing);
    known.error += listed.error + missing;
    known.presentFloor += floor;
  }
  into.floor += floor;
}

/** Keeps the heaviest keys only; what those dropped may have had becomes the floor. */
export function pruneTops(tops: Tops, keysMax: number): void {
  const { listed } = tops;
  if (listed.size <= keysMax) return;
  const ascending = boundsOf(tops).sort();
  const threshold = ascending[listed.size - keysMax - 1];
  const above = listed.size - firstAbove(ascending, threshold);
  let ties = keysMax - above;
  const floor = Math.max(tops.floor, threshold);
  for (const [key, known] of listed) {
    const missing = absent(tops, known);
    known.hits = saturatingSum(known.hits, missing);
    known.error += missing;
    known.presentFloor = floor;
    if (known.hits < threshold || (known.hits === threshold && ties-- <= 0)) listed.delete(key);
  }
  tops.floor = floor;
}

/** Place of the first of ascending numbers that is above `value`. */
function firstAbove(ascending: Float64Array, value: number): number {
  const place = ascending.findIndex((number) => number > value);
  return place === -1 ? ascending.length : place;
}

/** Hits that the heaviest keys have at least, so many of them. */
function leastHits(tops: Tops, count: number): number {
  if (tops.listed.size <= count) return 0;
  const ascending = boundsOf(tops).sort();
  return ascending[ascending.length - count];
}

/** The hits that each key has at most. */
function boundsOf(tops: Tops): Float64Array {
  return Float64Array.from(tops.listed.values(), (known) => saturatingSum(known.hits, absent(tops, known)));
}

/** The heaviest keys by hits; ties by key. */
export function heaviest(tops: Tops, first: number): TopKey[] {
  const least = leastHits(tops, first);
  const keys: TopKey[] = [];
  for (const [key, listed] of tops.listed) {
    const { bytes, clientErrors, serverErrors } = listed;
    const missing = absent(tops, listed);
    const hits = saturatingSum(listed.hits, missing);
    if (hits < least) continue;
    keys.push({ key, hits, bytes, clientErrors, serverErrors, maxError: listed.error + missing });
  }
  return keys.sort((a, b) => b.hits - a.hits || compareKeys(a.key, b.key)).slice(0, first);
}

/**
 * As a column: the floor, all keys' texts as one, then for each key its length (UTF-16 units), hits, bytes, 4xx, 5xx, and
 * its error where there is a floor. Texts together are read in one go.
 */
export function encodeTops(tops: Tops): Buffer {
  if (tops.listed.size === 0) return Buffer.alloc(0);
  const texts = [...tops.listed.keys()].join('');
  const writer = new ByteWriter(16 + texts.length + tops.listed.size * 8);
  writer.number(tops.floor);
  writer.text(texts);
  for (const [key, listed] of tops.listed) {
    const missing = absent(tops, listed);
    writer.number(key.length);
    writer.number(saturatingSum(listed.hits, missing));
    writer.number(listed.bytes);
    writer.number(listed.clientErrors);
    writer.number(listed.serverErrors);
    if (tops.floor > 0) writer.number(listed.error + missing);
  }
  return writer.finish();
}

/** Adds an encoded column. */
export function decodeTopsInto(tops: Tops, column: Buffer): void {
  const reader = new ByteReader(column);
  if (reader.done) return;
  const floor = reader.number();
  const texts = reader.text();
  for (let at = 0; !reader.done; ) {
    const known = listedAt(tops, texts.slice(at, (at += reader.number())));
    known.hits = saturatingSum(known.hits, reader.number());
    known.bytes = saturatingSum(known.bytes, reader.number());
    known.clientErrors = saturatingSum(known.clientErrors, reader.number());
    known.serverErrors = saturatingSum(known.serverErrors, reader.number());
    if (floor > 0) known.error += reader.number();
    known.presentFloor += floor;
  }
  tops.floor += floor;
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
