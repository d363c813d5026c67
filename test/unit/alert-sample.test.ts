// Goal: over a known log the default rule tells its four events, however the lines arrive.
// Method: the log is fed in file order, in batches of many sizes, and shuffled within the evaluation delay; after each
// batch the rule is decided up to the stream's alert clock with the counts known by then, as the evaluator does it.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import {
  type AlertState,
  countsNeeded,
  decideAlert,
  type RuleSpec,
  type SecondCounts,
  type Transition,
} from '../../server/core/alerts/decide.js';
import { alertClockMs, decidableUntil, type StreamClockInput } from '../../server/core/time/clock.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const dataFolder = process.env.HLM_SHARED_DATA ?? path.join(root, '../shared/data');
const present = existsSync(path.join(dataFolder, 'reference_sample.json'));
if (!present) console.warn(`skipped: no reference data in ${dataFolder} (HLM_SHARED_DATA)`);

const RULE: RuleSpec = {
  metric: 'HITS_PER_SECOND',
  windowSeconds: 120,
  comparison: 'GREATER_THAN',
  threshold: 10,
  recoveryThreshold: null,
  minHits: 0,
};

function eventSeconds(): number[] {
  const lines = readFileSync(path.join(dataFolder, 'sample_csv.txt'), 'utf8').split('\n').slice(1);
  return lines.filter((line) => line !== '').map((line) => Number(line.split(',')[3]));
}

/** Hits per second so far, from a second on, as the store would read them. */
function countsFrom(hitsBySecond: Map<number, number>, fromSecond: number): SecondCounts[] {
  return [...hitsBySecond]
    .filter(([second]) => second >= fromSecond)
    .sort(([a], [b]) => a - b)
    .map(([second, hits]) => ({ second, hits, bytes: 0, clientErrors: 0, serverErrors: 0 }));
}

function feed(seconds: readonly number[], batchEntries: number): Transition[] {
  const hits = new Map<number, number>();
  const transitions: Transition[] = [];
  let state: AlertState = { firing: false, decidedUntil: null, value: null };
  let newest = 0;
  let first = Number.POSITIVE_INFINITY;
  const decide = (until: number, onlyRecover = false) => {
    const counts = countsFrom(hits, countsNeeded(RULE, state, first).fromSecond);
    const decision = decideAlert(RULE, state, counts, { firstEventSecond: first, until, onlyRecover });
    state = decision.state;
    transitions.push(...decision.transitions);
  };
  const nowMs = 1_700_000_000_000;
  const stream = (ended: boolean): StreamClockInput => ({
    newestEventMs: newest * 1000,
    lastBatchAtMs: nowMs,
    caughtUpAtMs: null,
    lastHeartbeatAtMs: nowMs,
    everHeartbeat: true,
    catchingUp: false,
    closed: false,
    ended,
  });
  for (let i = 0; i < seconds.length; i += batchEntries) {
    for (const second of seconds.slice(i, i + batchEntries)) {
      hits.set(second, (hits.get(second) ?? 0) + 1);
      newest = Math.max(newest, second);
      first = Math.min(first, second);
    }
    decide(decidableUntil(alertClockMs([stream(false)], nowMs)!));
  }
  const last = decidableUntil(alertClockMs([stream(true)], nowMs)!);
  expect(last).toBe(newest);
  decide(last);
  decide(last + RULE.windowSeconds, true);
  return transitions;
}

/** Lines displaced in time by at most 5 s: those that keep within the evaluation delay of the newest before them. */
function shuffled(seconds: readonly number[], seed: number): number[] {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return seconds
    .map((second) => ({ second, place: second + random() * 5.999 }))
    .sort((a, b) => a.place - b.place)
    .map(({ second }) => second);
}

(present ? describe : describe.skip)('the sample log', () => {
  const reference: { type: string; at: number; count: number; hits: number }[] = present
    ? JSON.parse(readFileSync(path.join(dataFolder, 'reference_sample.json'), 'utf8')).alerts
    : [];
  const seconds = present ? eventSeconds() : [];
  const expected = reference.map(({ type, at, count }) => ({ type, at, value: count / RULE.windowSeconds }));

  test('the reference has four events', () => {
    expect(expected).toHaveLength(4);
    for (const [i, { hits }] of reference.entries()) expect(Number(expected[i]!.value.toFixed(6))).toBe(hits);
  });

  test.each([7, 100, 1000, 8192])('in file order, in batches of %d', (batchEntries) => {
    expect(feed(seconds, batchEntries)).toEqual(expected);
  });

  test.each([1, 2, 3, 4, 5, 6])('shuffled within the evaluation delay, seed %d', (seed) => {
    const order = shuffled(seconds, seed);
    expect(order).not.toEqual(seconds);
    expect(feed(order, 11)).toEqual(expected);
  });

  test('one line after the other', () => {
    expect(feed(seconds, 1)).toEqual(expected);
  });
});
