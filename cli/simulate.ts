import type { Command } from 'commander';
import { UserError } from '../schema/user-error.js';
import { secondsOf, writeLines } from '../simulator/file.js';
import { startLiveTraffic } from '../simulator/live.js';

export const DEFAULT_SEED = 1;
const SEED_MAX = 2 ** 32 - 1;
/** About 150 GB; more is a slip of the finger. */
const LINES_MAX = 1_000_000_000;
/** 450,000 lines a second in bursts: as much as one core can make. */
const RATE_SCALE_MAX = 10_000;

interface SimulateOptions {
  seed: number;
  rateScale: number;
  lines?: number;
  start?: number;
}

function wholeNumber(text: string, name: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max)
    throw new UserError(`--${name} ${text}: expected a whole number up to ${max}`);
  return value;
}

export const seedOption = (text: string): number => wholeNumber(text, 'seed', SEED_MAX);

function rateScaleOption(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= RATE_SCALE_MAX) return value;
  throw new UserError(`--rate-scale ${text}: expected a number above 0, up to ${RATE_SCALE_MAX}`);
}

function startOption(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new UserError(`--start ${text}: expected a time like 2026-01-31T12:00:00Z`);
  return Math.floor(ms / 1_000) * 1_000;
}

/** What the system said, without its call: "no such file or directory". */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '') : String(error);

/** Until the user ends it, or writing fails. */
function live(path: string, { seed, rateScale }: SimulateOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(new UserError(`cannot write ${path}: ${reasonOf(error)}`));
    const traffic = startLiveTraffic({ path, seed, rateScale, now: Date.now, onError });
    process.stdout.write(`simulated traffic goes to ${path}; Ctrl-C ends it\n`);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        traffic.stop();
        resolve();
      });
    }
  });
}

async function simulate(path: string, options: SimulateOptions): Promise<void> {
  const { seed, rateScale, lines, start } = options;
  try {
    if (lines === undefined) {
      if (start !== undefined) throw new UserError('--start goes with --lines: live traffic begins now');
      return await live(path, options);
    }
    // Without a start, the lines end now.
    const startMs = start ?? (Math.floor(Date.now() / 1_000) - secondsOf(lines, { seed, rateScale })) * 1_000;
    await writeLines(path, lines, startMs, { seed, rateScale });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}

export const simulateCommand = (command: Command): Command =>
  command
    .argument('<file>', 'the log that lines are appended to (with --lines: that is written anew)')
    .option('--seed <number>', 'the same seed makes the same requests', seedOption, DEFAULT_SEED)
    .option('--rate-scale <factor>', '1: about 5 requests a second, with bursts of 45', rateScaleOption, 1)
    .option('--lines <number>', 'this many lines at once, instead of live traffic', (text) =>
      wholeNumber(text, 'lines', LINES_MAX),
    )
    .option(
      '--start <time>',
      'with --lines: the time of the first second (default: such that the last is now)',
      startOption,
    )
    .action(simulate);
