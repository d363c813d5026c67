import { saturatingSum } from '../saturating.js';
import { ByteReader, putNumber } from '../windows/bytes.js';
import { ipv4Of, ipv4Texts } from './ipv4.js';
import { absent, addAt, append, emptyTops, placeOf, type Tops } from './tops.js';

/*
 * A column of tops: FORM, the floor, how many keys are IPv4 addresses, these as four bytes each, the texts of all others
 * as one; then for each key, addresses first, its length (of texts, UTF-16 units), hits and which errors it has, bytes, 4xx
 * and 5xx where it has any, and its error where there is a floor. Texts together are read in one go.
 *
 * Columns written before begin with the floor itself: then come all keys' texts as one, and for each its length, hits,
 * bytes, 4xx, 5xx, and error.
 */

/** No number is written so: a zero would be one byte. */
const FORM = [0x80, 0x00];
const CLIENT_ERRORS = 1;
const SERVER_ERRORS = 2;
/** Hits from here on follow the byte that they and the flags share. */
const HITS_MORE = 63;

const NOTHING = Buffer.alloc(0);

/** Of keys, each by its place, the IPv4 addresses' numbers; -1 where one is none. */
export type Addresses = Float64Array;

export function addressesOf(keys: readonly string[]): Addresses {
  const addresses = new Float64Array(keys.length);
  for (let i = 0; i < keys.length; i++) addresses[i] = ipv4Of(keys[i]);
  return addresses;
}

/** Counts of many keys, each by its place. */
export interface CountColumns {
  hits: Float64Array;
  bytes: Float64Array;
  clientErrors: Float64Array;
  serverErrors: Float64Array;
}

/** As a column. */
export function encodeTops(tops: Tops): Buffer {
  const { floor, keys } = tops;
  // Where all are listed, none is absent anywhere.
  const counts = {
    hits: byPlace(floor === 0 ? tops.hits : tops.hits.map((hits, i) => saturatingSum(hits, absent(tops, i)))),
    bytes: byPlace(tops.bytes),
    clientErrors: byPlace(tops.clientErrors),
    serverErrors: byPlace(tops.serverErrors),
  };
  const errors = floor === 0 ? null : tops.errors.map((error, i) => error + absent(tops, i));
  const places = keys.map((_, i) => i + 1);
  return encode({ keys, addresses: addressesOf(keys) }, places, counts, floor, errors);
}

function byPlace(numbers: readonly number[]): Float64Array {
  const places = new Float64Array(numbers.length + 1);
  for (let i = 0; i < numbers.length; i++) places[i + 1] = numbers[i];
  return places;
}

/** Keys of which some are written; the counts of key `i` are at the place `i + 1`. */
export interface ListedKeys {
  keys: readonly string[];
  addresses: Addresses;
}

/** What `encodeTops` makes of tops that list all: the keys whose counts are at these places, each once. */
export function encodeCounted(listed: ListedKeys, places: readonly number[], counts: CountColumns): Buffer {
  return encode(listed, places, counts, 0, null);
}

/** A column is put together here: it serves all of them. */
let scratch = Buffer.alloc(1 << 16);
/** Of a key but for its text, and of what stands before the keys: each number is below 2^53, eight bytes. */
const KEY_BYTES = 4 + 1 + 6 * 8;

function encode(
  { keys, addresses }: ListedKeys,
  places: readonly number[],
  counts: CountColumns,
  floor: number,
  errors: readonly number[] | null,
): Buffer {
  if (places.length === 0) return NOTHING;
  const others: string[] = [];
  for (const place of places) if (addresses[place - 1] < 0) others.push(keys[place - 1]);
  const texts = others.join('');
  const size = (places.length + 1) * KEY_BYTES + texts.length * 3;
  if (size > scratch.length) scratch = Buffer.alloc(size);
  const into = scratch;
  into.set(FORM);
  let at = putNumber(into, FORM.length, floor);
  at = putNumber(into, at, places.length - others.length);
  for (const place of places) {
    const address = addresses[place - 1];
    if (address < 0) continue;
    into[at++] = address >>> 24;
    into[at++] = address >>> 16;
    into[at++] = address >>> 8;
    into[at++] = address;
  }
  const textBytes = Buffer.byteLength(texts);
  at = putNumber(into, at, textBytes);
  at += into.write(texts, at, 'utf8');
  for (const isAddress of [true, false])
    for (const place of places) {
      if (addresses[place - 1] >= 0 !== isAddress) continue;
      if (!isAddress) at = putNumber(into, at, keys[place - 1].length);
      at = putCounts(into, at, counts, place);
      if (errors !== null) at = putNumber(into, at, errors[place - 1]);
    }
  const column = Buffer.allocUnsafe(at);
  into.copy(column, 0, 0, at);
  return column;
}

function putCounts(into: Buffer, from: number, counts: CountColumns, place: number): number {
  const hits = counts.hits[place];
  const clientErrors = counts.clientErrors[place];
  const serverErrors = counts.serverErrors[place];
  const flags = (clientErrors > 0 ? CLIENT_ERRORS : 0) | (serverErrors > 0 ? SERVER_ERRORS : 0);
  let at = from;
  if (hits < HITS_MORE) into[at++] = (hits << 2) | flags;
  else {
    into[at++] = (HITS_MORE << 2) | flags;
    at = putNumber(into, at, hits - HITS_MORE);
  }
  at = putNumber(into, at, counts.bytes[place]);
  if (clientErrors > 0) at = putNumber(into, at, clientErrors);
  return serverErrors > 0 ? putNumber(into, at, serverErrors) : at;
}

/** Adds an encoded column. */
export function decodeTopsInto(tops: Tops, column: Buffer): void {
  const reader = new ByteReader(column);
  if (reader.done) return;
  const isFormer = !hasForm(column);
  if (!isFormer) for (const _ of FORM) reader.byte();
  const floor = reader.number();
  const addresses = isFormer ? [] : ipv4Texts(reader.bytes(reader.number() * 4));
  const texts = reader.text();
  const readCounts = isFormer ? readFormerCounts : readCountsInto;
  // The keys of a column are distinct: alone they need not be looked up.
  const alone = tops.keys.length === 0;
  for (let [i, at] = [0, 0]; !reader.done; i++) {
    const key = i < addresses.length ? addresses[i] : texts.slice(at, (at += reader.number()));
    const place = alone ? append(tops, key, 0, 0, 0, 0) : placeOf(tops, key);
    readCounts(tops, place, reader);
    if (floor > 0) tops.errors[place] += reader.number();
    tops.presentFloors[place] += floor;
  }
  tops.floor += floor;
}

const hasForm = (column: Buffer) => FORM.every((byte, i) => column[i] === byte);

function readCountsInto(tops: Tops, place: number, reader: ByteReader): void {
  const head = reader.byte();
  const hits = head >> 2;
  addAt(
    tops,
    place,
    hits === HITS_MORE ? hits + reader.number() : hits,
    reader.number(),
    head & CLIENT_ERRORS ? reader.number() : 0,
    head & SERVER_ERRORS ? reader.number() : 0,
  );
}

function readFormerCounts(tops: Tops, place: number, reader: ByteReader): void {
  addAt(tops, place, reader.number(), reader.number(), reader.number(), reader.number());
}

/** Whether an encoded column lists all keys that were counted, and any was. */
export function isCompleteColumn(column: Buffer): boolean {
  return column.length > 0 && new ByteReader(hasForm(column) ? column.subarray(FORM.length) : column).number() === 0;
}

/** The keys of an encoded column. */
export function keysOfColumn(column: Buffer): readonly string[] {
  const tops = emptyTops();
  decodeTopsInto(tops, column);
  return tops.keys;
}
