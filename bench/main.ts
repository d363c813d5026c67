// Benchmarks: every figure a median of several runs, every comparison a ratio within this one run.
import { cpus } from 'node:os';
import { measureFreshness } from './freshness.js';
import { measureIngest } from './ingest.js';
import { measureJoining } from './joining.js';
import { measureRollups } from './rollups.js';
import { measureSmallAgents } from './small-agents.js';
import { measureStatistics } from './statistics.js';
import { type BenchOptions, type Figure, print } from './table.js';

const HELP = `usage: npm run bench -- [--quick] [ingest] [small-agents] [joining] [freshness] [rollups] [statistics]

  ingest       a file end to end, beside GoAccess (HLM_BENCH_GOACCESS names another than the PATH's) and COPY;
               CPU, memory, bytes on disk
  small-agents 1,000 agents with ten lines a second each
  joining      joining small chunks of raw entries: chunks a second, CPU, bytes on disk before and after
  freshness    from a line in the log to the database and to a subscriber
  rollups      what rolling up costs beside ingest, and what a year takes on disk
  statistics   queries of an hour, a year, ten years, on windows that were rolled up by the product
               (a year of 10-second windows: some minutes; --quick: a month)

All of them where none is named.
`;

const PARTS: Record<string, { title: string; measure: (options: BenchOptions) => Promise<Figure[]> }> = {
  ingest: { title: 'Ingest', measure: measureIngest },
  'small-agents': { title: 'Many small agents', measure: measureSmallAgents },
  joining: { title: 'Joining', measure: measureJoining },
  freshness: { title: 'Freshness', measure: measureFreshness },
  rollups: { title: 'Rollups and storage', measure: measureRollups },
  statistics: { title: 'Statistics', measure: measureStatistics },
};

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith('--'));
const unknown = args.find((arg) => arg !== '--quick' && arg !== '--help' && !Object.hasOwn(PARTS, arg));
if (args.includes('--help')) process.stdout.write(HELP);
else if (unknown !== undefined) {
  process.stderr.write(`bench: ${unknown} is not known\n${HELP}`);
  process.exitCode = 2;
} else {
  process.stdout.write(`Machine: ${cpus().length} × ${cpus()[0].model}, Node ${process.version}\n`);
  for (const name of named.length > 0 ? named : Object.keys(PARTS)) {
    const { title, measure } = PARTS[name];
    print(title, await measure({ quick: args.includes('--quick') }));
  }
}
