// biome-ignore assist/source/organizeImports: React's build is decided before anything imports React.
import { inProduction } from './production-react.js';
import { AlertRulesQuery, SetThresholdMutation } from '../schema/operations/alerts.js';
import { UserError } from '../schema/user-error.js';
import { checkServer } from '../client/connection/check.js';
import { describeFailure } from '../client/connection/describe.js';
import { type Feeds, openFeeds } from './feeds/feeds.js';
import { defaultRule } from '../client/model/rules.js';
import { endingOf } from './ending.js';
import { printPlain } from './plain.js';

export interface TuiOptions {
  /** The server's GraphQL address. */
  url: string;
  token: string;
  /** The server whose page is opened at once; of plain lines, the only one. */
  agent?: string | undefined;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WritableStream;
  /** Lines instead of a screen, also on a terminal. @default false */
  plain?: boolean | undefined;
  /** Sets the default rule's threshold first. */
  threshold?: number | undefined;
  /** Ends the client, besides its own keys and the process's signals. */
  signal?: AbortSignal | undefined;
  /** @default process.env */
  env?: NodeJS.ProcessEnv | undefined;
  /** Wall clock, ms. @default Date.now */
  now?: (() => number) | undefined;
}

/**
 * Runs the terminal client until it is quit, and returns the exit code.
 *
 * A screen where input and output are a terminal, else plain lines. When it returns, the terminal is as it was before,
 * and nothing of it keeps the process alive.
 *
 * @throws UserError where the server cannot be reached, is none, or does not take the token, at the start or later.
 */
export async function runTui(options: TuiOptions): Promise<number> {
  const { url, token, agent, stdin, stdout, stderr, threshold, env = process.env, now = Date.now } = options;
  const viewer = await checkServer(url, token);
  const feeds = openFeeds({ url, token, now });
  const ending = endingOf(options, feeds.link);
  try {
    if (threshold !== undefined) await setThreshold(feeds, threshold);
    const screen = stdin.isTTY && stdout.isTTY && !options.plain && env.TERM !== 'dumb';
    const shared = { feeds, agent, stdout, now, signal: ending.signal };
    if (screen) {
      const { showScreen } = await inProduction(() => import('./screen.js'));
      await showScreen({ ...shared, tenant: viewer.tenant.name, stdin, env });
    } else await printPlain({ ...shared, stderr });
  } finally {
    ending.release();
    feeds.close();
  }
  const link = feeds.link.get();
  if (link.kind === 'refused') throw link.error;
  return 0;
}

async function setThreshold({ context: { api } }: Feeds, threshold: number): Promise<void> {
  const { alertRules } = await api.ask(AlertRulesQuery, {}).catch(failed);
  const rule = defaultRule(alertRules);
  if (!rule) throw new UserError('there is no alert rule for hits per second whose threshold could be set');
  await api.change(SetThresholdMutation, { id: rule.id, threshold }).catch(failed);
}

const failed = (error: unknown): never => {
  throw new UserError(`the threshold was not set: ${describeFailure(error)}`);
};
