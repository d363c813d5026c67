// Benchmarks: what counts of every figure is its ratio to another of this one run.
import { measureAlerts } from './alerts.js';
import { measureDelay } from './delay.js';
import { measureFreshness } from './freshness.js';
import { measureIngest } from './ingest.js';
import { measureJoining } from './joining.js';
import { describeMachine } from './machine.js';
import { measureMemory } from './memory.js';
import { measureNoisy } from './noisy.js';
import { measureRollups } from './rollups.js';
import { measureSmallAgents } from './small-agents.js';
import { measureStatistics } from './statistics.js';
import { type BenchOptions, type Figure, type Section, tableOf } from './table.js';
import { measureWalls } from './walls.js';

interface Part {
  title: string;
  /** For --help. */
  about: string;
  measure: (options: BenchOptions) => Promise<Figure[]>;
  /** It takes too long to be run unasked. */
  byNameOnly?: true;
}

const PARTS: Record<string, Part> = {
  ingest: {
    title: 'Ingest',
    about: 'a file end to end, beside GoAccess, COPY and DuckDB; CPU, memory, bytes on disk',
    measure: measureIngest,
  },
  'small-agents': {
    title: 'Many small agents',
    about: '1,000 agents with ten lines a second each',
    measure: measureSmallAgents,
  },
  joining: {
    title: 'Joining',
    about: 'small chunks of raw entries are joined: chunks a second, CPU, bytes on disk; by name only: a minute',
    measure: measureJoining,
    byNameOnly: true,
  },
  freshness: {
    title: 'Freshness',
    about: 'from a line in the log to the database and to a subscriber',
    measure: measureFreshness,
  },
  rollups: {
    title: 'Rollups and storage',
    about: 'what rolling up costs beside ingest, and what a year takes on disk',
    measure: measureRollups,
  },
  statistics: {
    title: 'Statistics',
    about: 'queries of an hour, a year (--quick: ten days), ten years, on windows that the product rolled up',
    measure: measureStatistics,
  },
  alerts: {
    title: 'Alerts',
    about: '1,000 agents with ten rules each, and ingest beside filtered rules; by name only: a minute or two',
    measure: measureAlerts,
    byNameOnly: true,
  },
  delay: {
    title: 'Delay of alerts',
    about: 'from the event second to the event, its subscriber and a webhook; by name only: three minutes',
    measure: measureDelay,
    byNameOnly: true,
  },
  noisy: {
    title: 'A noisy tenant',
    about: 'one tenant at ten times its plan, and what another feels of it; by name only: three minutes',
    measure: measureNoisy,
    byNameOnly: true,
  },
  walls: {
    title: 'Walls',
    about: 'what sign-in, limits and headers cost a request, and a client beside a hostile one; by name only: a minute',
    measure: measureWalls,
    byNameOnly: true,
  },
  memory: {
    title: 'Memory',
    about: 'one agent that catches up on 10 GB (--quick: 1 GB), and 50 at once; by name only: some five minutes',
    measure: measureMemory,
    byNameOnly: true,
  },
};

const HELP = `usage: npm run bench -- [--quick] [part …]

${Object.entries(PARTS)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}\n`)
  .join('')}
All but those by name only where none is named: under five minutes; with --quick under one.
HLM_BENCH_GOACCESS names another GoAccess than the PATH's, HLM_BENCH_DUCKDB a folder from which @duckdb/node-api is
found; where there is none, it is left out.
`;

/** A part that fails leaves the others their figures. */
async function measureAll(names: readonly string[], options: BenchOptions): Promise<Section[]> {
  const sections: Section[] = [];
  for (const name of names) {
    const { title, measure } = PARTS[name];
    const begun = performance.now();
    try {
      sections.push({ title, figures: await measure(options) });
      process.stderr.write(`bench: ${name} took ${((performance.now() - begun) / 1_000).toFixed(0)} s\n`);
    } catch (error) {
      process.stderr.write(`bench: ${name} failed: ${(error as Error).stack}\n`);
      process.exitCode = 1;
    }
  }
  return sections;
}

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith('--'));
const unknown = args.find((arg) => arg !== '--quick' && arg !== '--help' && !Object.hasOwn(PARTS, arg));
if (args.includes('--help')) process.stdout.write(HELP);
else if (unknown !== undefined) {
  process.stderr.write(`bench: ${unknown} is not known\n${HELP}`);
  process.exitCode = 2;
} else {
  const names = named.length > 0 ? named : Object.keys(PARTS).filter((name) => !PARTS[name].byNameOnly);
  const sections = await measureAll(names, { quick: args.includes('--quick') });
  if (sections.some(({ figures }) => figures.some(({ missed }) => missed))) process.exitCode = 1;
  process.stdout.write(`${await describeMachine()}${tableOf(sections)}`);
}
