/** Numbers that look random and are the same for the same seed, on every machine. */

/** Mixes numbers into one of 32 bits, well spread (the finalizer of MurmurHash3, once a number). */
export function mix(...numbers: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const number of numbers) {
    hash = Math.imul(hash ^ number, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** A sequence of draws (mulberry32): small, fast, and good enough for traffic. */
export class Random {
  constructor(private state: number) {}

  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Around 0, with a standard deviation of 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** How many of many independent callers come in a span where `mean` are expected. */
  poisson(mean: number): number {
    // Knuth's product takes `mean` steps; from here on the normal curve is indistinguishable.
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.next(); product > limit; product *= this.next()) count++;
    return count;
  }
}

/** Picks places by weight. */
export class Weighted {
  private readonly upTo: Float64Array;

  constructor(weights: readonly number[]) {
    this.upTo = new Float64Array(weights.length);
    let sum = 0;
    weights.forEach((weight, at) => {
      this.upTo[at] = sum += weight;
    });
  }

  /** A place in [0, weights.length). */
  pick(random: Random): number {
    const last = this.upTo.length - 1;
    const at = random.next() * this.upTo[last];
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.upTo[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Few are wanted often and many rarely (Zipf): the place `k` weighs `1 / (k + 1) ** exponent`. */
export function zipf(count: number, exponent = 1): Weighted {
  return new Weighted(Array.from({ length: count }, (_, k) => 1 / (k + 1) ** exponent));
}
