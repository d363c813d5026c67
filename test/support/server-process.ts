import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, hlm, type RunningCommand } from './command.js';
import { type Answer, post, until } from './server.js';

/** `hlm server` as a process of its own. */
export interface ServerProcess {
  command: RunningCommand;
  pid: number;
  url: string;
  /** As the operator of its data folder, or with `token`. */
  gql: (query: string, variables?: object, token?: string) => Promise<Answer>;
  stop: (signal?: NodeJS.Signals) => Promise<Finished>;
}

export interface ProcessOptions {
  env?: Record<string, string>;
  args?: string[];
  /** Starts the command; default: `hlm` with these arguments. */
  run?: (args: string[], env: Record<string, string>) => RunningCommand;
}

/** Starts it on a folder and any free port, and waits until it listens. */
export async function startServerProcess(folder: string, options: ProcessOptions = {}): Promise<ServerProcess> {
  const { env = {}, args = [], run = (all, given) => hlm(all, { env: given, withinMs: 120_000 }) } = options;
  const command = run(['server', '--data', folder, '--port', '0', ...args], env);
  let ended: Finished | null = null;
  void command.finished.then((finished) => {
    ended = finished;
  });
  const line = /^listening on (http\S+\/graphql)$/m;
  await until(() => ended !== null || line.test(command.output.stdout), 90_000, 'the server to listen');
  if (ended !== null) throw new Error(`the server ended: ${JSON.stringify(ended)}`);
  const url = line.exec(command.output.stdout)![1];
  const operator = () => readFileSync(join(folder, 'operator-token'), 'utf8').trim();
  return {
    command,
    pid: command.child.pid!,
    url,
    gql: (query, variables, token) => post(url, query, variables, token ?? operator()),
    stop: (signal = 'SIGTERM') => {
      command.child.kill(signal);
      return command.finished;
    },
  };
}

/** Process ids of the postmasters whose database lies below the folder. */
export function postmasters(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const isPostmaster = args[0].endsWith('/postgres') || args[0].endsWith('/setpriv');
        return isPostmaster && args.some((arg) => arg.startsWith(`${folder}/`) && arg.endsWith('/postgres'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Stops the databases that a failed test left below a folder, and removes it. */
export function removeFolder(folder: string): void {
  for (const pid of postmasters(folder)) process.kill(pid, 'SIGQUIT');
  rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}
