import { sectionOf, splitTarget } from '../../schema/entry.js';
import type { Entry } from '../../schema/log-batch.js';
import { addValue, emptyDDSketch, percentile } from '../../server/core/sketches/dd-sketch.js';
import { addHost, distinctHosts, emptyHostSet } from '../../server/core/sketches/host-set.js';
import { heaviest } from '../../server/core/sketches/tops.js';
import type { Dimension } from '../../server/core/windows/breakdown.js';
import { statusClass } from '../../server/core/windows/window.js';
import type { Bucket } from '../../server/store/traffic/buckets.js';

/** What entries add up to: counted one by one, without windows. Those of one list are of one agent. */
export function bruteForce(agents: readonly (readonly Entry[])[]) {
  const all = agents.flat();
  const status = [0, 0, 0, 0, 0, 0];
  const size = emptyDDSketch();
  const duration = emptyDDSketch();
  const hosts = emptyHostSet();
  for (const entry of all) {
    status[statusClass(entry.status)]++;
    addValue(size, entry.bytes);
    if (entry.durationMs !== null) addValue(duration, entry.durationMs);
    addHost(hosts, entry.host);
  }
  return {
    hits: all.length,
    bytes: all.reduce((sum, entry) => sum + entry.bytes, 0),
    status,
    peak: Math.max(0, ...agents.map(peakOf)),
    size: percentilesOf(size),
    duration: percentilesOf(duration),
    hosts: distinctHosts(hosts),
  };
}

function peakOf(entries: readonly Entry[]): number {
  const bySecond = new Map<number, number>();
  for (const { timeMs } of entries) {
    const second = Math.floor(timeMs / 1_000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...bySecond.values());
}

function percentilesOf(sketch: ReturnType<typeof emptyDDSketch>): (number | null)[] {
  return [...[0.5, 0.9, 0.95, 0.99].map((q) => percentile(sketch, q)), sketch.max];
}

/** A bucket's figures in the same form. */
export function figuresOf({ totals, breakdown }: Bucket) {
  const { hits, bytes, status, peak } = totals;
  const numbers = { hits, bytes, status, peak };
  if (breakdown === null) return { ...numbers, ...percentilesOfNothing };
  return {
    ...numbers,
    size: percentilesOf(breakdown.size),
    duration: percentilesOf(breakdown.duration),
    hosts: distinctHosts(breakdown.hosts),
  };
}

const percentilesOfNothing = {
  size: [null, null, null, null, 0],
  duration: [null, null, null, null, 0],
  hosts: 0,
};

const KEYS: [Dimension, (entry: Entry) => string][] = [
  ['HOST', (entry) => entry.host],
  ['SECTION', (entry) => sectionOf(splitTarget(entry.target!).path)],
  ['PATH', (entry) => splitTarget(entry.target!).path],
  ['STATUS', (entry) => String(entry.status)],
];

/** Keys of tops whose figures the entries contradict; empty: all lie within their errors. */
export function wrongTops(
  bucket: Bucket,
  entries: readonly Entry[],
  dimensions: readonly Dimension[] = KEYS.map(([dimension]) => dimension),
): string[] {
  if (bucket.breakdown === null) return [];
  const wrong: string[] = [];
  for (const [dimension, keyOf] of KEYS.filter(([name]) => dimensions.includes(name))) {
    const counted = new Map<string, number>();
    for (const entry of entries) counted.set(keyOf(entry), (counted.get(keyOf(entry)) ?? 0) + 1);
    const tops = bucket.breakdown.tops[dimension];
    for (const { key, hits, maxError } of heaviest(tops, Number.POSITIVE_INFINITY)) {
      const known = counted.get(key) ?? 0;
      if (known > hits || known < hits - maxError)
        wrong.push(`${dimension} ${key}: ${known}, not ${hits} ± ${maxError}`);
      counted.delete(key);
    }
    for (const [key, hits] of counted) if (hits > tops.floor) wrong.push(`${dimension} ${key} is missing`);
  }
  return wrong;
}
