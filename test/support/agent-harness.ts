import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../agent/clock.js';
import { type AgentOptions, runAgent } from '../../agent/index.js';
import type { FakeServer } from './agent-fake-server.js';

/** Time runs so many times faster than the machine's: back-off and heartbeats are not worth waiting for. */
const SPEED = 20;

export const fastClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() * SPEED,
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms / SPEED);
      signal?.addEventListener('abort', finish);
    }),
};

export function temporaryFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-agent-'));
  return { path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A line of the Combined Log Format for each id, with the id as its target. */
export function logLines(from: number, to: number): string {
  let text = '';
  for (let id = from; id < to; id++)
    text += `10.0.0.1 - - [23/Nov/2026:10:00:00 +0000] "GET /${id} HTTP/1.1" 200 5 "-" "x"\n`;
  return text;
}

export function idTargets(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `/${from + i}`);
}

export interface RunningAgent {
  said: string[];
  /** Tells it to stop, as a signal does, and waits for its exit code. */
  stop: () => Promise<number>;
  done: Promise<number>;
}

/** Runs the agent in this process against the fake server. */
export function startAgent(server: FakeServer, files: string[], change: Partial<AgentOptions> = {}): RunningAgent {
  const said: string[] = [];
  const controller = new AbortController();
  const done = runAgent({
    files,
    name: 'web-1',
    urls: ['http://server/graphql'],
    token: 'secret',
    version: '1',
    format: 'auto',
    fromStart: false,
    once: false,
    ratePerSecond: null,
    stop: controller.signal,
    say: (line) => said.push(line),
    stdin: Readable.from([]),
    clock: fastClock,
    post: server.post,
    ...change,
  });
  done.catch(() => {}); // Whoever waits for it is told.
  const stop = () => {
    controller.abort();
    return done;
  };
  return { said, stop, done };
}

/** Waits for a condition; fails naming it after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
