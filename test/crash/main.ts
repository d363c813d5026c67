import { parseArgs } from 'node:util';
import { type Report, runRig } from './rig.js';

const USAGE = 'usage: npm run test:crash -- [--minutes N] [--cycles N] [--seed S]';
const SHOWN_MAX = 40;

function numberOption(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value >= 0)) throw new Error(`"${text}" is no number\n${USAGE}`);
  return value;
}

function show({ wrong, troubles, faults, skipped, serverErrors, ...numbers }: Report): boolean {
  const rows = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    console.log(`\n${title}`);
    for (const line of lines.slice(0, SHOWN_MAX)) console.log(`  ${line}`);
    if (lines.length > SHOWN_MAX) console.log(`  and ${lines.length - SHOWN_MAX} more`);
  };
  rows(
    'struck',
    Object.entries(faults)
      .sort(([, a], [, b]) => b - a)
      .map(([name, times]) => `${times} × ${name}`),
  );
  rows('SKIPPED', skipped);
  rows('errors in the servers’ logs', serverErrors);
  rows('TROUBLES', troubles);
  rows('WRONG', wrong);
  console.log(`\n${JSON.stringify(numbers)}`);
  return numbers.lost + numbers.doubled + wrong.length + troubles.length === 0;
}

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, cycles: { type: 'string' }, seed: { type: 'string' } },
});
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
const seed = numberOption(values.seed, Date.now() % 2 ** 31);
const minutes = numberOption(values.minutes, values.cycles === undefined ? 5 : Number.POSITIVE_INFINITY);
console.log(`seed ${seed}`);
try {
  const report = await runRig({
    seed,
    forMs: minutes * 60_000,
    cyclesMax: numberOption(values.cycles, Number.POSITIVE_INFINITY),
    hurry: false,
    say: (line) => console.log(line),
    stop: stop.signal,
  });
  process.exitCode = show(report) ? 0 : 1;
} catch (error) {
  console.log(stop.signal.aborted ? 'interrupted' : error);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}
process.exit();
