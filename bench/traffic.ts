import type { Entry } from '../schema/log-batch.js';
import { requestsFrom, type TimedRequest, type TrafficSpec } from '../simulator/traffic.js';

/** Lines a second that the simulator makes of a `rateScale` of 1. */
const SIMULATED_RATE = 11.4;
/** Of entries that go into no file. */
const START_MS = Date.UTC(2026, 0, 5);

/** The simulator's traffic at a rate on average. */
export function trafficOf(linesPerSecond: number): TrafficSpec {
  return { seed: 1, rateScale: linesPerSecond / SIMULATED_RATE };
}

/** The entries of so many seconds of it. */
export function* entriesOf(linesPerSecond: number, seconds: number): Generator<Entry> {
  for (const timed of requestsFrom(START_MS, trafficOf(linesPerSecond))) {
    if (timed.timeMs >= START_MS + seconds * 1_000) return;
    yield entryOf(timed);
  }
}

function entryOf({ timeMs, request: { offsetMs: _, requestLine, ...request } }: TimedRequest): Entry {
  const [method = null, target = null, protocol = null] = requestLine.split(' ');
  return { ...request, timeMs, method, target, protocol, durationMs: null };
}

/** Entries in order, gathered by spans of `ms`; of those without any there is none. */
export function* gathered(entries: Iterable<Entry>, ms: number): Generator<Entry[]> {
  let span: Entry[] = [];
  for (const entry of entries) {
    if (span.length > 0 && Math.floor(span[0].timeMs / ms) !== Math.floor(entry.timeMs / ms)) {
      yield span;
      span = [];
    }
    span.push(entry);
  }
  if (span.length > 0) yield span;
}
