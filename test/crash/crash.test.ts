// Goal: every line is counted exactly once, and every alert told, whatever is killed when.
// Method: a short run of the rig (`npm run test:crash` is the long one): real processes on growing and rotating logs,
// killed and cut off by a seed; then all that is stored is compared with what the files hold, read by a reader of its own, and
// all that receivers got with the events.
import { expect, test } from '@jest/globals';
import { type Report, runRig } from './rig.js';

const SEED = 11;

test('a handful of kills: nothing lost, nothing doubled, nothing wrong', async () => {
  const said: string[] = [];
  const report: Report = await runRig({
    seed: SEED,
    cyclesMax: 5,
    forMs: 10_000,
    hurry: true,
    say: (line) => said.push(line),
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${said.join('\n')}`);
  });
  expect(report).toMatchObject({ seed: SEED, lost: 0, doubled: 0, wrong: [], troubles: [] });
  expect(report.cycles).toBeGreaterThan(0);
  expect(report.lines).toBeGreaterThan(500);
  expect(report.windows).toBeGreaterThan(100);
  expect(report.alertEvents).toBeGreaterThan(0);
  expect(report.notifications.sent).toBeGreaterThan(0);
  expect(report.notifications.missed).toBe(0);
}, 300_000);
