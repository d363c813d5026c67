// Goal: simulated traffic looks like a log to those who read it, and drives the default alert as it promises.
// Method: the rate's laws over its own seconds; the lines against a Combined pattern written here; files in a folder of
// their own; live traffic with a clock of our own.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { combinedLine, logTime } from '../../simulator/combined.js';
import { linesFrom, secondsOf, writeLines } from '../../simulator/file.js';
import { DueLines, startLiveTraffic } from '../../simulator/live.js';
import { trafficAt } from '../../simulator/traffic.js';

const START_MS = Date.UTC(2026, 1, 28, 23, 59, 50);
const SPEC = { seed: 7 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hlm-simulator-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The first `count` lines of a run. */
function firstLines(count: number, spec = SPEC): string[] {
  const lines = linesFrom(START_MS, spec);
  return Array.from({ length: count }, () => lines.next().value);
}

test('a request is written as a Combined line', () => {
  const request = {
    offsetMs: 12,
    host: '198.18.0.1',
    user: 'alice',
    requestLine: 'GET /api/user HTTP/1.1',
    status: 200,
    bytes: 620,
    referrer: null,
    userAgent: 'curl/8.11.0',
  };
  expect(combinedLine(request, logTime(START_MS))).toBe(
    '198.18.0.1 - alice [28/Feb/2026:23:59:50 +0000] "GET /api/user HTTP/1.1" 200 620 "-" "curl/8.11.0"',
  );
  expect(combinedLine({ ...request, user: null, bytes: 0, userAgent: null }, logTime(START_MS))).toBe(
    '198.18.0.1 - - [28/Feb/2026:23:59:50 +0000] "GET /api/user HTTP/1.1" 200 - "-" "-"',
  );
});

test('sections, statuses and visitors are mixed as in a shop', () => {
  const requests = Array.from({ length: 1_600 }, (_, second) => trafficAt(second, SPEC)).flat();
  const share = (is: (request: (typeof requests)[number]) => boolean): number =>
    requests.filter(is).length / requests.length;
  expect(requests.length).toBeGreaterThan(15_000);
  expect(share(({ status }) => status < 300)).toBeGreaterThan(0.75);
  expect(share(({ status }) => status >= 400 && status < 500)).toBeGreaterThan(0.01);
  expect(share(({ status }) => status >= 500)).toBeGreaterThan(0.004);
  expect(share(({ status }) => status >= 500)).toBeLessThan(0.04);
  expect(share(({ user }) => user !== null)).toBeGreaterThan(0.15);
  expect(new Set(requests.map(({ host }) => host)).size).toBeGreaterThan(1_000);
  const sections = new Set(requests.map(({ requestLine }) => requestLine.split(' ')[1]?.split(/[/?]/)[1]));
  for (const section of ['api', 'products', 'static', 'login', 'search', '']) expect(sections).toContain(section);
});

test('a file of N lines has N lines, and ends when it should', async () => {
  const path = join(folder, 'access.log');
  await writeLines(path, 20_000, START_MS, SPEC);
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  expect(text.trimEnd().split('\n')).toEqual(firstLines(20_000));
  const endMs = START_MS + (secondsOf(20_000, SPEC) - 1) * 1_000;
  expect(text.trimEnd().split('\n').at(-1)).toContain(logTime(endMs));
  await expect(writeLines(join(folder, 'none', 'x'), 1, START_MS, SPEC)).rejects.toThrow('ENOENT');
});

test('a clock that jumps, by sleep or by hand, neither floods the log nor stops it', () => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    const due = new DueLines(START_MS, SPEC);
    due.upTo(START_MS + 10_000);
    const after = due.upTo(START_MS + 10_000 + jumpMs) + due.upTo(START_MS + 14_000 + jumpMs);
    const lines = after.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.length).toBeLessThan(60);
    expect(lines.at(-1)).toContain(logTime(START_MS + jumpMs + 12_000).slice(0, 14));
  }
});

test('live traffic grows its file by the clock, until it is stopped', () => {
  jest.useFakeTimers();
  try {
    let nowMs = START_MS;
    const path = join(folder, 'new', 'access.log');
    const traffic = startLiveTraffic({ path, ...SPEC, now: () => nowMs, onError: (error) => expect(error).toBeNull() });
    expect(existsSync(path)).toBe(true);
    for (let tick = 0; tick < 50; tick++) {
      nowMs += 200;
      jest.advanceTimersByTime(200);
    }
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines).toEqual(firstLines(lines.length));
    expect(lines.length).toBeGreaterThan(20);
    traffic.stop();
    traffic.stop();
    nowMs += 10_000;
    jest.advanceTimersByTime(10_000);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(lines.length);
  } finally {
    jest.useRealTimers();
  }
});
