import { parseArgs } from 'node:util';
import { type HistoryOptions, runHistories } from './history.js';
import { Bench } from './real.js';

const USAGE = 'usage: npm run test:model -- [--runs N] [--seed S] [--steps N] [--lanes N] [--shrink SECONDS]';

function numberOption(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value >= 0)) throw new Error(`"${text}" is no number\n${USAGE}`);
  return value;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string' },
    lanes: { type: 'string' },
    shrink: { type: 'string' },
  },
});
const seed = numberOption(values.seed, Date.now() % 2 ** 31);
const lanes = numberOption(values.lanes, values.seed === undefined ? 4 : 1);
const options: Omit<HistoryOptions, 'seed'> = {
  runs: Math.ceil(numberOption(values.runs, 100) / lanes),
  stepsMax: numberOption(values.steps, 20),
  shrinkForMs: numberOption(values.shrink, 600) * 1_000,
};
const seeds = Array.from({ length: lanes }, (_, lane) => seed + lane);
console.log(`seeds ${seeds.join(', ')}: ${options.runs} histories each`);
const begunMs = performance.now();
const bench = await Bench.start();
try {
  const results = await Promise.allSettled(seeds.map((each) => runHistories(bench, { ...options, seed: each })));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    console.log(result.reason);
    process.exitCode = 1;
  }
} finally {
  await bench.close();
}
const seconds = Math.round((performance.now() - begunMs) / 1_000);
console.log(`${process.exitCode === 1 ? 'WRONG' : 'right'}, in ${seconds} s`);
process.exit();
