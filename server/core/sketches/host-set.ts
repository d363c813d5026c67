import { ByteReader, ByteWriter } from '../windows/bytes.js';
import { estimate, INDEX_BITS, REGISTERS } from './hyperloglog.js';

/**
 * Distinct clients: their hashes, exact, up to EXACT_HOSTS_MAX; beyond, HyperLogLog's registers (Flajolet et al. 2007).
 * United in any order it is the same set.
 */
export interface HostSet {
  /** 53-bit hashes; null: too many. */
  hashes: Set<number> | null;
  registers: Uint8Array | null;
}

/** Distinct hosts that are counted exactly. */
export const EXACT_HOSTS_MAX = 256;

export function emptyHostSet(): HostSet {
  return { hashes: new Set(), registers: null };
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

/** @param hash of `hashHost` */
export function addHostHash(set: HostSet, hash: number): void {
  if (set.registers !== null) raise(set.registers, hash);
  else if (set.hashes!.add(hash).size > EXACT_HOSTS_MAX) toRegisters(set);
}

export function addHost(set: HostSet, host: string): void {
  addHostHash(set, hashHost(host));
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
  const rank = REST_BITS - (rest === 0 ? 0 : Math.floor(Math.log2(rest)) + 1) + 1;
  if (rank > registers[index]) registers[index] = rank;
}
const REST_BITS = 53 - INDEX_BITS;

export function mergeHosts(into: HostSet, other: HostSet): void {
  if (other.hashes !== null) for (const hash of other.hashes) addHostHash(into, hash);
  else uniteRegisters(toRegisters(into), other.registers!);
}

function uniteRegisters(into: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < into.length; i++) if (other[i] > into[i]) into[i] = other[i];
}

/** Exact up to EXACT_HOSTS_MAX; beyond, with a standard error of 0.8 %. */
export function distinctHosts(set: HostSet): number {
  return set.hashes?.size ?? Math.round(estimate(set.registers!));
}

const EXACT = 1;
const SPARSE = 2;
const DENSE = 3;

/** As a column: a byte for the kind, then hashes, or registers: those that are not zero, or all in 6 bits each. */
export function encodeHosts({ hashes, registers }: HostSet): Buffer {
  if (registers !== null) return encodeRegisters(registers);
  if (hashes!.size === 0) return Buffer.alloc(0);
  const writer = new ByteWriter(1 + hashes!.size * 8);
  writer.number(EXACT);
  let before = 0;
  for (const hash of [...hashes!].sort((a, b) => a - b)) {
    writer.number(hash - before);
    before = hash;
  }
  return writer.finish();
}

function encodeRegisters(registers: Uint8Array): Buffer {
  const writer = new ByteWriter(1 + REGISTERS);
  writer.number(SPARSE);
  let before = -1;
  registers.forEach((rank, index) => {
    if (rank === 0) return;
    writer.number(index - before - 1);
    writer.number(rank);
    before = index;
  });
  const sparse = writer.finish();
  return sparse.length <= 1 + (REGISTERS * 6) / 8 ? sparse : encodeDense(registers);
}

/** Four registers in three bytes. */
function encodeDense(registers: Uint8Array): Buffer {
  const dense = Buffer.alloc(1 + (REGISTERS * 6) / 8);
  dense[0] = DENSE;
  for (let i = 0, at = 1; i < REGISTERS; i += 4, at += 3) {
    dense.writeUIntBE(
      registers[i] * 2 ** 18 + registers[i + 1] * 2 ** 12 + registers[i + 2] * 2 ** 6 + registers[i + 3],
      at,
      3,
    );
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
    for (let hash = 0; !reader.done; ) addHostHash(set, (hash += reader.number()));
    return;
  }
  const registers = toRegisters(set);
  for (let index = -1; !reader.done; ) {
    index += reader.number() + 1;
    registers[index] = Math.max(registers[index], reader.number());
  }
}

function decodeDenseInto(registers: Uint8Array, column: Buffer): void {
  for (let i = 0, at = 1; i < REGISTERS; i += 4, at += 3) {
    const four = column.readUIntBE(at, 3);
    registers[i] = Math.max(registers[i], four >>> 18);
    registers[i + 1] = Math.max(registers[i + 1], (four >>> 12) & 63);
    registers[i + 2] = Math.max(registers[i + 2], (four >>> 6) & 63);
    registers[i + 3] = Math.max(registers[i + 3], four & 63);
  }
}
