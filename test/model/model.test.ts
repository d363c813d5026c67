// Goal: whatever is sent, sent again, claimed, deleted and expires in whatever order, the server tells what happened.
// Method: random histories on the real server against a naive model of plain entries, compared after every step; those
// of fixed seeds, and of a fresh one, which a failure names. `npm run test:model` runs more of them.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runHistories } from './history.js';
import { Bench } from './real.js';

const SEEDS = [1, 2, 3, Date.now() % 2 ** 31];
const OPTIONS = { runs: 2, stepsMax: 20, shrinkForMs: 60_000 };

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
}, 60_000);
afterAll(() => bench.close());

test('random histories', async () => {
  const runs = SEEDS.map((seed) => runHistories(bench, { ...OPTIONS, seed }));
  for (const result of await Promise.allSettled(runs)) if (result.status === 'rejected') throw result.reason;
  expect(runs.length).toBe(SEEDS.length);
}, 240_000);
