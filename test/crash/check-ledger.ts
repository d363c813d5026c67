import { isDeepStrictEqual } from 'node:util';
import type { Truth } from './check.js';
import type { ServerUnderFire } from './processes.js';
import type { TrueFile } from './truth.js';

const COUNTS = ['lines', 'accepted', 'malformed', 'quarantined', 'skipped'] as const;
type Ledger = Record<(typeof COUNTS)[number], number>;

interface StoredStream {
  name: string;
  position: number;
  duplicateBatches: number;
  ledger: Ledger;
}

export interface StoredAgent {
  id: string;
  name: string;
  ledger: Ledger;
  streams: StoredStream[];
}

export async function readAgents(server: ServerUnderFire): Promise<StoredAgent[]> {
  const ledger = `ledger { ${COUNTS.join(' ')} }`;
  const { data, errors } = await server.gql(
    `{ agents { nodes { id name ${ledger} streams(first: 1000) { name position duplicateBatches ${ledger} } } } }`,
  );
  if (errors) throw new Error(JSON.stringify(errors));
  return data.agents.nodes;
}

/** Compares what is counted of each agent and each file with its lines, and positions with the files' ends. */
export function checkLedger(
  stored: readonly StoredAgent[],
  { agents }: Truth,
): { wrong: string[]; duplicates: number } {
  const wrong: string[] = [];
  let duplicates = 0;
  for (const { name, files } of agents) {
    const agent = stored.find((one) => one.name === name);
    if (agent === undefined) {
      wrong.push(`agent ${name} is missing`);
      continue;
    }
    compare(wrong, name, { ...agent.ledger }, sum(files.map(ledgerOf)));
    for (const file of files) {
      const streams = agent.streams.filter((stream) => stream.name === file.path);
      compare(wrong, file.path, sum(streams.map(({ ledger }) => ledger)), ledgerOf(file));
      const position = Math.max(0, ...streams.map((stream) => stream.position));
      if (position !== file.sizeBytes) wrong.push(`${file.path}: position ${position}, not ${file.sizeBytes}`);
    }
    duplicates += agent.streams.reduce((all, { duplicateBatches }) => all + duplicateBatches, 0);
  }
  return { wrong, duplicates };
}

function compare(wrong: string[], what: string, given: Ledger, wanted: Ledger): void {
  if (!isDeepStrictEqual(given, wanted)) wrong.push(`${what}: ${JSON.stringify(given)}, not ${JSON.stringify(wanted)}`);
}

function ledgerOf({ entries, malformed, quarantined, skipped }: TrueFile): Ledger {
  const accepted = entries.length;
  return { lines: accepted + malformed + quarantined, accepted, malformed, quarantined, skipped };
}

function sum(ledgers: readonly Ledger[]): Ledger {
  const all: Ledger = { lines: 0, accepted: 0, malformed: 0, quarantined: 0, skipped: 0 };
  for (const ledger of ledgers) for (const count of COUNTS) all[count] += ledger[count];
  return all;
}
