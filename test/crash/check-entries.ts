import type { ServerUnderFire } from './processes.js';
import type { TrueEntry } from './truth.js';

const PAGE = 1_000;
const LOGS = `query ($agentIds: [ID!], $after: String) { logs(agentIds: $agentIds, first: ${PAGE}, after: $after) {
  nodes { time host user method path query status bytes referrer userAgent } pageInfo { hasNextPage endCursor } } }`;

interface StoredEntry extends Omit<TrueEntry, 'number' | 'timeMs'> {
  time: string;
  query: string;
}

/** How often each line of an agent is stored, and which are stored otherwise than they were written. */
export interface EntriesFound {
  lost: number[];
  doubled: number[];
  wrong: string[];
}

/** Compares an agent's raw entries with its lines. */
export async function checkEntries(
  server: ServerUnderFire,
  agent: { id: string; entries: readonly TrueEntry[] },
): Promise<EntriesFound> {
  const wanted = new Map(agent.entries.map((entry) => [entry.number, wordsOf(entry)]));
  const seen = new Set<number>();
  const found: EntriesFound = { lost: [], doubled: [], wrong: [] };
  for (let after: string | null = null, more = true; more; ) {
    const { data, errors } = await server.gql(LOGS, { agentIds: [agent.id], after });
    if (errors) throw new Error(JSON.stringify(errors));
    for (const { time, query, ...rest } of data.logs.nodes as StoredEntry[]) {
      const entry = { ...rest, number: Number(query.slice(2)), timeMs: Date.parse(time) };
      if (seen.has(entry.number)) found.doubled.push(entry.number);
      else if (wanted.get(entry.number) !== wordsOf(entry))
        found.wrong.push(`entry ${wordsOf(entry)}, not ${wanted.get(entry.number)}`);
      seen.add(entry.number);
    }
    after = data.logs.pageInfo.endCursor;
    more = data.logs.pageInfo.hasNextPage;
  }
  found.lost = [...wanted.keys()].filter((number) => !seen.has(number));
  for (const number of found.lost) found.wrong.push(`entry ${wanted.get(number)} is not there`);
  for (const number of found.doubled) found.wrong.push(`entry ${wanted.get(number)} is there again`);
  return found;
}

function wordsOf(entry: TrueEntry): string {
  const { number, timeMs, host, user, method, path, status, bytes, referrer, userAgent } = entry;
  return JSON.stringify([number, timeMs, host, user, method, path, status, bytes, referrer, userAgent]);
}
