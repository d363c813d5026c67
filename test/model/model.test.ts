// Goal: whatever is sent, sent again, claimed, deleted and expires in whatever order, the server tells what happened.
// Method: random histories on the real server against a naive model of plain entries, compared after every step; those
// of fixed seeds, and of a fresh one, which a failure names. `npm run test:model` runs more of them.
import { afterAll, beforeAll, test } from '@jest/globals';
import { runHistories } from './history.js';
import { Bench } from './real.js';

const SEEDS = [1, 2, 3, 4, 5, Date.now() % 2 ** 31];
const OPTIONS = { runs: 1, stepsMax: 20, shrinkForMs: 60_000 };

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
}, 60_000);
afterAll(() => bench.close());

test('random histories', async () => {
  const results = await Promise.allSettled(SEEDS.map((seed) => runHistories(bench, { ...OPTIONS, seed })));
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (reasons.length > 0) throw reasons[0];
}, 240_000);
