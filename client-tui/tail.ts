import type { CombinedError } from 'urql';
import type { Api } from '../client/connection/api.js';
import { checkServer } from '../client/connection/check.js';
import { describeFailure } from '../client/connection/describe.js';
import { openContext } from '../client/feeds/context.js';
import { safeText } from '../client/format/safe-text.js';
import { AgentsQuery } from '../schema/operations/agents.js';
import type { ResultOf } from '../schema/operations/graphql.js';
import { LogTailSubscription } from '../schema/operations/live.js';
import { UserError } from '../schema/user-error.js';
import { NodeSocket } from './connection/node-socket.js';
import { endingOf } from './ending.js';
import { combinedLine, jsonLine } from './format/log-line.js';
import { linkLines } from './link-lines.js';

/** What lines must be; null or absent: whatever. */
export interface LineFilter {
  statusMin?: number | undefined;
  statusMax?: number | undefined;
  method?: string | undefined;
  path?: string | undefined;
  section?: string | undefined;
  host?: string | undefined;
  search?: string | undefined;
}

export interface TailOptions {
  /** The server's GraphQL address. */
  url: string;
  token: string;
  /** Names of monitored servers; all where empty. */
  agents: readonly string[];
  filter: LineFilter;
  /** JSON, an object a line, instead of Combined Log Format. */
  json: boolean;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
  /** Ends it, besides the process's signals. */
  signal?: AbortSignal | undefined;
  /** Wall clock, ms. @default Date.now */
  now?: (() => number) | undefined;
}

const AGENTS_OF_A_PAGE = 200;
/** What is left out is told at most so often. */
const SAY_LEFT_OUT_EVERY_MS = 1_000;

type Told = ResultOf<typeof LogTailSubscription>['logTail'];

/**
 * Prints lines as the server takes them in, until it is ended; connects again whenever the connection is lost. How that is,
 * and how many lines were left out, goes to standard error.
 *
 * @throws UserError where the server cannot be reached, is none, does not take the token, or monitors no server of a name.
 */
export async function runTail(options: TailOptions): Promise<void> {
  const { url, token, agents, filter, stderr, now = Date.now } = options;
  await checkServer(url, token);
  const context = openContext({ url, token, now, webSocket: NodeSocket });
  const { link } = context;
  const ending = endingOf(options, link.state);
  const printer = new Printer(options);
  let refuse: (error: UserError) => void = () => undefined;
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  try {
    const agentIds = agents.length === 0 ? null : await idsOf(context.api, agents);
    const stops = [
      link.state.subscribe(linkLines(link.state, stderr, now)),
      context.api.follow(LogTailSubscription, () => ({ agentIds, filter }), {
        next: ({ logTail }) => printer.print(logTail),
        failed: (error) => {
          if (comesAgain(error)) stderr.write(`${describeFailure(error)}\n`);
          else refuse(new UserError(describeFailure(error)));
        },
      }),
    ];
    link.connect();
    await Promise.race([refused, endOf(ending.signal)]);
    for (const stop of stops) stop();
  } finally {
    printer.close();
    ending.release();
    context.close();
  }
  const state = link.state.get();
  if (state.kind === 'refused') throw state.error;
}

/** What the server says will be different another time; a filter that it does not take will not. */
function comesAgain({ graphQLErrors }: CombinedError): boolean {
  return !['BAD_USER_INPUT', 'FORBIDDEN', 'NOT_FOUND'].includes(String(graphQLErrors[0]?.extensions.code));
}

async function endOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** @throws UserError where one is not there. */
async function idsOf(api: Api, names: readonly string[]): Promise<string[]> {
  return Promise.all(
    names.map(async (name) => {
      const id = await idOf(api, name).catch((error: unknown) => {
        throw new UserError(`the servers cannot be listed: ${describeFailure(error)}`);
      });
      if (id === null) throw new UserError(`no server is named "${safeText(name)}"`);
      return id;
    }),
  );
}

async function idOf(api: Api, name: string): Promise<string | null> {
  for (let after: string | null = null; ; ) {
    const { agents }: ResultOf<typeof AgentsQuery> = await api.ask(AgentsQuery, {
      first: AGENTS_OF_A_PAGE,
      after,
      search: name,
    });
    const found = agents.nodes.find((agent) => agent.name === name);
    if (found || !agents.pageInfo.hasNextPage) return found?.id ?? null;
    after = agents.pageInfo.endCursor;
  }
}

/** Writes lines as fast as they are read, and no faster: what does not fit is left out, and said. */
class Printer {
  private leftOut = 0;
  private saidMs = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private readonly lineOf: (entry: Told['entries'][number]) => string;

  constructor(private readonly options: TailOptions) {
    const { json, agents } = options;
    const isOne = agents.length === 1;
    if (json) this.lineOf = jsonLine;
    else if (isOne) this.lineOf = combinedLine;
    else this.lineOf = (entry) => `${safeText(entry.agent.name)}  ${combinedLine(entry)}`;
  }

  print({ entries, missed }: Told): void {
    const { stdout } = this.options;
    const isFull = 'writableNeedDrain' in stdout && stdout.writableNeedDrain === true;
    this.leftOut += missed + (isFull ? entries.length : 0);
    if (!isFull && entries.length > 0) stdout.write(`${entries.map(this.lineOf).join('\n')}\n`);
    if (this.leftOut > 0)
      this.timer ??= setTimeout(
        () => this.sayLeftOut(),
        Math.max(0, this.saidMs + SAY_LEFT_OUT_EVERY_MS - performance.now()),
      );
  }

  close(): void {
    clearTimeout(this.timer);
    if (this.leftOut > 0) this.sayLeftOut();
  }

  private sayLeftOut(): void {
    this.options.stderr.write(`${this.leftOut} left out\n`);
    this.timer = undefined;
    this.saidMs = performance.now();
    this.leftOut = 0;
  }
}
