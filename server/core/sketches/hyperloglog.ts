/** 2^15 registers: a standard error of 1.04 / √32768 = 0.57 %, so that 2 % are 3.5 of it. */
export const INDEX_BITS = 15;
export const REGISTERS = 2 ** INDEX_BITS;

const RANK_MAX = 53 - INDEX_BITS + 1;

/**
 * Distinct values behind HyperLogLog's registers: the improved raw estimator of Ertl ("New cardinality estimation
 * algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no tables of its bias at any size.
 */
export function estimate(registers: Uint8Array): number {
  const counts = new Array<number>(RANK_MAX + 1).fill(0);
  for (const rank of registers) counts[rank]++;
  let z = REGISTERS * tau(1 - counts[RANK_MAX] / REGISTERS);
  for (let rank = RANK_MAX - 1; rank >= 1; rank--) z = 0.5 * (z + counts[rank]);
  z += REGISTERS * sigma(counts[0] / REGISTERS);
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z);
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let x = share;
  let y = 1;
  let sum = share;
  for (let before = Number.NaN; sum !== before; y += y) {
    before = sum;
    x *= x;
    sum += x * y;
  }
  return sum;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share;
  let y = 1;
  let sum = 1 - share;
  for (let before = Number.NaN; sum !== before; ) {
    x = Math.sqrt(x);
    before = sum;
    y *= 0.5;
    sum -= (1 - x) ** 2 * y;
  }
  return sum / 3;
}
