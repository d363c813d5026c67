import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './server.js';

type Gql = (query: string, variables?: object) => Promise<Answer>;

/** Lines of now, each with its number for a path. */
export function numberedLines(from: number, to: number): string {
  const [, day, month, year, time] = new Date().toUTCString().split(' ');
  const stamp = `${day}/${month}/${year}:${time} +0000`;
  let text = '';
  for (let id = from; id < to; id++) text += `10.0.0.1 - - [${stamp}] "GET /${id} HTTP/1.1" 200 5 "-" "x"\n`;
  return text;
}

export const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Writes numbered lines to a file, some every few milliseconds, until it is ended, and tells then how many. */
export function writeNumberedLines(file: string, everyMs = 5): { end: () => Promise<number> } {
  let id = 0;
  let writing = true;
  const written = (async () => {
    while (writing) {
      const count = 1 + (id % 40);
      const text = numberedLines(id, id + count);
      // In two halves, so that an agent comes to see a line that is not complete.
      appendFileSync(file, text.slice(0, text.length / 2));
      await sleep(2);
      appendFileSync(file, text.slice(text.length / 2));
      id += count;
      await sleep(everyMs);
    }
  })();
  return {
    end: async () => {
      writing = false;
      await written;
      return id;
    },
  };
}

/** The numbers of all entries stored of these agents, sorted. */
export async function storedNumbers(gql: Gql, agentIds: readonly (string | undefined)[]): Promise<number[]> {
  const found: number[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { data } = await gql(
      `query ($agentIds: [ID!], $after: String) { logs(agentIds: $agentIds, first: 500, after: $after) {
         nodes { path } pageInfo { hasNextPage endCursor } } }`,
      { agentIds, after },
    );
    for (const { path } of data.logs.nodes as { path: string }[]) found.push(Number(path.slice(1)));
    after = data.logs.pageInfo.endCursor;
    more = data.logs.pageInfo.hasNextPage;
  }
  return found.sort((a, b) => a - b);
}
