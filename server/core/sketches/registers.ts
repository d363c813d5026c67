import { ByteReader, ByteWriter } from '../windows/bytes.js';
import { REGISTERS } from './hyperloglog.js';

/** The first byte of a column of registers: those that are not zero, or all. */
const SPARSE = 2;
const DENSE = 3;
/** The kind, the lowest register, and half a byte for each. */
const DENSE_BYTES = 2 + REGISTERS / 2;
/** Of a register that is this far above the lowest, or farther. */
const BEYOND = 15;

/** Registers as a column: those that are not zero with their gaps, or all as they stand above the lowest. */
export function encodeRegisters(registers: Uint8Array): Buffer {
  const writer = new ByteWriter();
  writer.number(SPARSE);
  // Two bytes each: gaps are short where registers are many.
  return writeListed(writer, registers, 1) * 2 >= DENSE_BYTES ? encodeDense(registers) : writer.finish();
}

/** Writes the registers from `least` on: each one's distance to the one before, and its value. Returns how many. */
function writeListed(writer: ByteWriter, registers: Uint8Array, least: number): number {
  let before = -1;
  let count = 0;
  forEachFrom(registers, least, (index) => {
    writer.number(index - before - 1);
    writer.number(registers[index]);
    before = index;
    count++;
  });
  return count;
}

/** The places of registers of `least` or more, which is 1 or more; mostly all are zero, and passed four at a time. */
function forEachFrom(registers: Uint8Array, least: number, each: (index: number) => void): void {
  const fours = new Uint32Array(registers.buffer, registers.byteOffset, REGISTERS / 4);
  for (let four = 0; four < fours.length; four++) {
    if (fours[four] === 0) continue;
    for (let index = four * 4; index < four * 4 + 4; index++) if (registers[index] >= least) each(index);
  }
}

/** Nearly all registers lie within 15 of the lowest; those that do not are listed behind. */
function encodeDense(registers: Uint8Array): Buffer {
  const lowest = registers.reduce((least, rank) => Math.min(least, rank));
  const halves = Buffer.alloc(DENSE_BYTES);
  halves[0] = DENSE;
  halves[1] = lowest;
  const half = (index: number) => Math.min(registers[index] - lowest, BEYOND);
  for (let index = 0, at = 2; index < REGISTERS; index += 2, at++) halves[at] = (half(index) << 4) | half(index + 1);
  const listed = new ByteWriter();
  writeListed(listed, registers, lowest + BEYOND);
  return Buffer.concat([halves, listed.finish()]);
}

/** Raises registers to those of a column. */
export function decodeRegistersInto(registers: Uint8Array, column: Buffer): void {
  const dense = column[0] === DENSE;
  if (dense) {
    for (let index = 0, at = 2; index < REGISTERS; index += 2, at++) {
      raiseTo(registers, index, column[1] + (column[at] >> 4));
      raiseTo(registers, index + 1, column[1] + (column[at] & 0x0f));
    }
  }
  const reader = new ByteReader(column.subarray(dense ? DENSE_BYTES : 1));
  for (let index = -1; !reader.done; ) {
    index += reader.number() + 1;
    raiseTo(registers, index, reader.number());
  }
}

function raiseTo(registers: Uint8Array, index: number, rank: number): void {
  if (rank > registers[index]) registers[index] = rank;
}
