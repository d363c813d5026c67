import { ByteReader, ByteWriter } from '../windows/bytes.js';
import { estimate, INDEX_BITS, REGISTERS } from './hyperloglog.js';
import { decodeRegistersInto, encodeRegisters } from './registers.js';

/**
 * Distinct clients: their hashes, exact, up to EXACT_HOSTS_MAX; beyond, HyperLogLog's registers (Flajolet et al. 2007).
 * United in any order it is the same set.
 */
export interface HostSet {
  /** 53-bit hashes, ascending, each once; null: too many. */
  hashes: Float64Array | null;
  registers: Uint8Array | null;
}

/** Distinct hosts that are counted exactly. */
export const EXACT_HOSTS_MAX = 256;

export function emptyHostSet(): HostSet {
  return { hashes: new Float64Array(0), registers: null };
}

const { clz32, floor, imul } = Math;

/** 53 bits of a text: two murmur3 finalised halves (Appleby 2011) over its UTF-16 units. */
export function hashHost(host: string): number {
  let a = 0x9e3779b9 ^ host.length;
  let b = 0x85ebca6b ^ host.length;
  for (let i = 0; i < host.length; i++) {
    const unit = host.charCodeAt(i);
    a = imul(a ^ unit, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = imul(b ^ unit, 0xc2b2ae35);
    b = (b << 15) | (b >>> 17);
  }
  return (mixed(a + imul(b, 5)) & 0x1fffff) * 2 ** 32 + mixed(b ^ imul(a, 0x27d4eb2f));
}

/** murmur3's finaliser: every bit of the input moves every bit of the result. Unsigned. */
function mixed(value: number): number {
  let hash = value;
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** @param hashes of `hashHost`, in any order, any of them several times */
export function addHostHashes(set: HostSet, hashes: Float64Array): void {
  if (hashes.length === 0) return;
  // Registers take them in any order.
  uniteHashes(set, set.hashes === null ? hashes : distinct(hashes.toSorted()));
}

function distinct(ascending: Float64Array): Float64Array {
  let count = 0;
  for (const hash of ascending) if (count === 0 || hash !== ascending[count - 1]) ascending[count++] = hash;
  return ascending.subarray(0, count);
}

/** @param hashes ascending, each once, where the set's are exact */
function uniteHashes(set: HostSet, hashes: Float64Array): void {
  if (set.hashes === null) for (const hash of hashes) raise(set.registers!, hash);
  else {
    set.hashes = merged(set.hashes, hashes);
    if (set.hashes.length > EXACT_HOSTS_MAX) toRegisters(set);
  }
}

function merged(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length === 0) return b;
  const both = new Float64Array(a.length + b.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; count++) {
    const next = j === b.length || a[i] < b[j] ? a[i] : b[j];
    both[count] = next;
    if (a[i] === next) i++;
    if (b[j] === next) j++;
  }
  return both.slice(0, count);
}

export function addHost(set: HostSet, host: string): void {
  uniteHashes(set, Float64Array.of(hashHost(host)));
}

function toRegisters(set: HostSet): Uint8Array {
  if (set.registers === null) {
    set.registers = new Uint8Array(REGISTERS);
    for (const hash of set.hashes!) raise(set.registers, hash);
    set.hashes = null;
  }
  return set.registers;
}

/** Of 53 bits the lowest choose the register, the leading zeros of the others its value. */
function raise(registers: Uint8Array, hash: number): void {
  const index = hash % REGISTERS;
  const rest = floor(hash / REGISTERS);
  const high = floor(rest / 2 ** 32);
  const rank = 1 + (high > 0 ? clz32(high) - (64 - REST_BITS) : REST_BITS - 32 + clz32(rest));
  if (rank > registers[index]) registers[index] = rank;
}
const REST_BITS = 53 - INDEX_BITS;

export function mergeHosts(into: HostSet, other: HostSet): void {
  if (other.hashes !== null) uniteHashes(into, other.hashes);
  else uniteRegisters(toRegisters(into), other.registers!);
}

function uniteRegisters(into: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < into.length; i++) if (other[i] > into[i]) into[i] = other[i];
}

/** Exact up to EXACT_HOSTS_MAX; beyond, with a standard error of 0.57 %. */
export function distinctHosts(set: HostSet): number {
  return set.hashes?.length ?? Math.round(estimate(set.registers!));
}

/** The first byte of a column of hashes; registers have others. */
const EXACT = 1;
/** The whole column where the hosts are the keys of a top that lists all of them. */
const LISTED = 4;
export const LISTED_HOSTS = Buffer.of(LISTED);

/** As a column: a byte for the kind, then hashes as differences, or registers. */
export function encodeHosts({ hashes, registers }: HostSet): Buffer {
  if (registers !== null) return encodeRegisters(registers);
  if (hashes!.length === 0) return Buffer.alloc(0);
  const writer = new ByteWriter(1 + hashes!.length * 8);
  writer.number(EXACT);
  let before = 0;
  for (const hash of hashes!) {
    writer.number(hash - before);
    before = hash;
  }
  return writer.finish();
}

/**
 * Adds an encoded set.
 *
 * @param listed the keys of the hosts' top beside it
 */
export function decodeHostsInto(set: HostSet, column: Buffer, listed: () => readonly string[]): void {
  if (column.length === 0) return;
  if (column[0] === LISTED) addHostHashes(set, Float64Array.from(listed(), hashHost));
  else if (column[0] === EXACT) uniteHashes(set, decodeHashes(new ByteReader(column.subarray(1))));
  else decodeRegistersInto(toRegisters(set), column);
}

function decodeHashes(reader: ByteReader): Float64Array {
  const hashes = new Float64Array(EXACT_HOSTS_MAX);
  let count = 0;
  for (let hash = 0; !reader.done; count++) hashes[count] = hash += reader.number();
  return hashes.subarray(0, count);
}
