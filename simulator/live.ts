import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { combinedLine, logTime } from './combined.js';
import { type TrafficSpec, trafficAt } from './traffic.js';

/** Several writes a second, as a server's log grows. */
const TICK_MS = 200;
/** A machine that slept longer than this had no visitors meanwhile, nor has one whose clock was set: on from now. */
const CATCH_UP_S_MAX = 60;

export interface LiveTrafficOptions extends TrafficSpec {
  path: string;
  /** Wall clock, milliseconds. */
  now: () => number;
  /** Writing failed (a full disk, say), and the traffic has ended. */
  onError: (error: Error) => void;
}

/**
 * The lines due until `untilMs` of a run that began at the second `startMs`.
 *
 * Pure but for its own place: what was given is not given again, whatever the spans between calls.
 */
export class DueLines {
  private second = 0;
  private given = 0;

  constructor(
    private startMs: number,
    private readonly spec: TrafficSpec,
  ) {}

  upTo(untilMs: number): string {
    const late = Math.floor((untilMs - this.startMs) / 1_000) - this.second;
    // Only the clock moves: the seconds of the run go on where they were.
    if (Math.abs(late) > CATCH_UP_S_MAX) this.startMs += late * 1_000;
    let text = '';
    for (; this.startMs + this.second * 1_000 <= untilMs; this.second++) {
      const secondMs = this.startMs + this.second * 1_000;
      const requests = trafficAt(this.second, this.spec);
      const time = logTime(secondMs);
      for (; this.given < requests.length && secondMs + requests[this.given].offsetMs <= untilMs; this.given++) {
        text += `${combinedLine(requests[this.given], time)}\n`;
      }
      if (secondMs + 1_000 > untilMs) break;
      this.given = 0;
    }
    return text;
  }
}

/** Appends traffic to a file as time goes by, until it is stopped. The file and its folder are made if need be. */
export function startLiveTraffic({ path, now, onError, ...spec }: LiveTrafficOptions): { stop: () => void } {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a');
  const due = new DueLines(Math.floor(now() / 1_000) * 1_000, spec);
  const stop = (): void => {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    closeSync(file);
  };
  let timer: NodeJS.Timeout | null = setInterval(() => {
    try {
      const text = due.upTo(now());
      if (text !== '') writeSync(file, text);
    } catch (error) {
      stop();
      onError(error as Error);
    }
  }, TICK_MS);
  return { stop };
}
