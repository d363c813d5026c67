import { ByteReader, ByteWriter } from '../windows/bytes.js';
import { estimate, INDEX_BITS, REGISTERS } from './hyperloglog.js';

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

/** 53 bits of a text: two murmur3 finalised halves (Appleby 2011) over its UTF-16 units. */
export function hashHost(host: string): number {
  let a = 0x9e3779b9 ^ host.length;
  let b = 0x85ebca6b ^ host.length;
  for (let i = 0; i < host.length; i++) {
    const unit = host.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ unit, 0xc2b2ae35);
    b = (b << 15) | (b >>> 17);
  }
  return (mixed(a + Math.imul(b, 5)) & 0x1fffff) * 2 ** 32 + mixed(b ^ Math.imul(a, 0x27d4eb2f));
}

/** murmur3's finaliser: every bit of the input moves every bit of the result. Unsigned. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** @param hashes of `hashHost`, in any order, any of them several times */
export function addHostHashes(set: HostSet, hashes: Float64Array): void {
  if (hashes.length > 0) uniteHashes(set, distinct(hashes.toSorted()));
}

function distinct(ascending: Float64Array): Float64Array {
  let count = 0;
  for (const hash of ascending) if (count === 0 || hash !== ascending[count - 1]) ascending[count++] = hash;
  return ascending.subarray(0, count);
}

/** @param hashes ascending, each once */
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
  const rest = Math.floor(hash / REGISTERS);
  const high = Math.floor(rest / 2 ** 32);
  const rank = 1 + (high > 0 ? Math.clz32(high) - (64 - REST_BITS) : REST_BITS - 32 + Math.clz32(rest));
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

/** Exact up to EXACT_HOSTS_MAX; beyond, with a standard error of 0.8 %. */
export function distinctHosts(set: HostSet): number {
  return set.hashes?.length ?? Math.round(estimate(set.registers!));
}

const EXACT = 1;
const SPARSE = 2;
const DENSE = 3;
const DENSE_BYTES = 1 + (REGISTERS * 6) / 8;

/** As a column: a byte for the kind, then hashes, or registers: those that are not zero, or all in 6 bits each. */
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

function encodeRegisters(registers: Uint8Array): Buffer {
  let raised = 0;
  for (let index = 0; index < REGISTERS; index++) if (registers[index] !== 0) raised++;
  // Two bytes each: gaps are short where registers are many.
  if (raised * 2 >= DENSE_BYTES) return encodeDense(registers);
  const writer = new ByteWriter(1 + raised * 2);
  writer.number(SPARSE);
  for (let index = 0, before = -1; index < REGISTERS; index++) {
    if (registers[index] === 0) continue;
    writer.number(index - before - 1);
    writer.number(registers[index]);
    before = index;
  }
  return writer.finish();
}

/** Four registers in three bytes. */
function encodeDense(registers: Uint8Array): Buffer {
  const dense = Buffer.alloc(DENSE_BYTES);
  dense[0] = DENSE;
  for (let i = 0, at = 1; i < REGISTERS; i += 4, at += 3) {
    dense[at] = (registers[i] << 2) | (registers[i + 1] >> 4);
    dense[at + 1] = (registers[i + 1] << 4) | (registers[i + 2] >> 2);
    dense[at + 2] = (registers[i + 2] << 6) | registers[i + 3];
  }
  return dense;
}

/** Adds an encoded set. */
export function decodeHostsInto(set: HostSet, column: Buffer): void {
  if (column.length === 0) return;
  if (column[0] === DENSE) {
    decodeDenseInto(toRegisters(set), column);
    return;
  }
  const reader = new ByteReader(column);
  if (reader.number() === EXACT) {
    uniteHashes(set, decodeHashes(reader));
    return;
  }
  const registers = toRegisters(set);
  for (let index = -1; !reader.done; ) {
    index += reader.number() + 1;
    registers[index] = Math.max(registers[index], reader.number());
  }
}

function decodeHashes(reader: ByteReader): Float64Array {
  const hashes = new Float64Array(EXACT_HOSTS_MAX);
  let count = 0;
  for (let hash = 0; !reader.done; count++) hashes[count] = hash += reader.number();
  return hashes.subarray(0, count);
}

function decodeDenseInto(registers: Uint8Array, column: Buffer): void {
  const raiseTo = (i: number, rank: number) => {
    if (rank > registers[i]) registers[i] = rank;
  };
  for (let i = 0, at = 1; i < REGISTERS; i += 4, at += 3) {
    const four = (column[at] << 16) | (column[at + 1] << 8) | column[at + 2];
    raiseTo(i, four >>> 18);
    raiseTo(i + 1, (four >>> 12) & 63);
    raiseTo(i + 2, (four >>> 6) & 63);
    raiseTo(i + 3, four & 63);
  }
}
