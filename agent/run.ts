import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from './clock.js';
import { checkFormat } from './format-check.js';
import { FirstLines, type Format } from './parse/index.js';
import {
  backOffMs,
  Filler,
  type Post,
  Server,
  Session,
  steadyPace,
  Tally,
  type Track,
  Turns,
  UNPACED,
} from './ship/index.js';
import { openFile, type Source, StdinSource } from './source/index.js';

export interface AgentOptions {
  /** Paths; `-` is standard input. */
  files: readonly string[];
  /** The agent's name, unique within the tenant. */
  name: string;
  /** GraphQL addresses of the servers, tried in turn. */
  urls: readonly string[];
  token: string;
  version: string;
  format: Format;
  /** Files that the server does not know begin at their start. */
  fromStart: boolean;
  /** To the end of each file, and done once all is acknowledged. */
  once: boolean;
  /** Lines a second, all sources together; null: as fast as it goes. */
  ratePerSecond: number | null;
  /** Aborted: finish the batch in flight, and stop. */
  stop: AbortSignal;
  /** Takes diagnostics, a line each. */
  say: (line: string) => void;
  stdin: Readable;
  clock?: Clock;
  /** Default: over the network. */
  post?: Post;
}

const STDIN = '-';

/** All or none: what is wrong with one file is said before anything is sent. */
async function openSources(options: AgentOptions, clock: Clock): Promise<Source[]> {
  const { once, format } = options;
  const sources: Source[] = [];
  try {
    for (const file of new Set(options.files)) {
      if (file === STDIN) continue;
      const source = await openFile(file, { once, wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs });
      const known = sources.some(({ name }) => name === source.name);
      if (known) {
        await source.close();
        continue;
      }
      sources.push(source);
      await checkFormat(source, format, once);
    }
    if (options.files.includes(STDIN)) sources.push(new StdinSource(options.stdin));
    return sources;
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
}

/**
 * Ships files and standard input to a server until they end, or until told to stop.
 *
 * @returns the process's exit code.
 * @throws UserError for what the user can mend: a missing file, another format, a wrong token or address.
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { urls, token, say, name, version, fromStart, once, stop, format } = options;
  const clock = options.clock ?? systemClock;
  const turns = new Turns();
  const server = new Server({ urls, token, clock, say, post: options.post });
  const pace = options.ratePerSecond === null ? UNPACED : steadyPace(options.ratePerSecond);
  const sources = await openSources(options, clock);
  const tracks = sources.map((source): Track => {
    const firstLines = new FirstLines();
    if (source.seekable) firstLines.verdict = 'fits'; // Or empty so far: it was looked at.
    const filler = new Filler({ source, format, firstLines, clock, pace, turns, say });
    return { source, filler, tally: new Tally(), beganAt: null, acknowledged: 0, state: 'running' };
  });
  try {
    const identity = { name, hostname: hostname(), version };
    for (let attempt = 1; ; attempt++) {
      const session = new Session({ identity, tracks, fromStart: fromStart || once, server, turns, clock, stop, say });
      const end = await session.run();
      if (end === 'stopped') return 0;
      if (end === 'ended') break;
      await clock.sleep(backOffMs(attempt, clock.random()), stop);
    }
    for (const { source, tally } of tracks) say(`${source.label}: ${tally}`);
    return 0;
  } finally {
    for (const source of sources) await source.close();
  }
}
