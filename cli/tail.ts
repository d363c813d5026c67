import type { Command } from 'commander';
import { runTail } from '../client-tui/tail.js';
import { UserError } from '../schema/user-error.js';
import { readingServer, type ServerChoice, serverOf } from './server-choice.js';

interface Options extends ServerChoice {
  agent: string[];
  statusMin?: string;
  statusMax?: string;
  method?: string;
  path?: string;
  section?: string;
  host?: string;
  search?: string;
  json?: boolean;
}

const FURTHER = `
Lines go to standard output as Combined Log Format, behind the server's name unless one is named; how many were
left out, when more come than can be shown, to standard error. Connects again whenever the connection is lost.
Ctrl-C ends it.`;

/** `hlm tail`: lines as servers log them. */
export function tailCommand(command: Command): Command {
  command
    .option('--agent <name>', 'only of this monitored server; may be given several times', collect, [])
    .option('--status-min <number>', 'only lines with at least this status: 400 for errors')
    .option('--status-max <number>', 'only lines with at most this status')
    .option('--method <method>', 'only this method')
    .option('--path <path>', 'only this path exactly, query string aside')
    .option('--section <section>', 'only this section: the path up to its second slash')
    .option('--host <host>', 'only from this client')
    .option('--search <text>', 'only where this is anywhere in the path')
    .option('--json', 'an object a line, with all that is known');
  return readingServer(command)
    .addHelpText('after', FURTHER)
    .action(async ({ agent, statusMin, statusMax, method, path, section, host, search, json, ...server }: Options) => {
      await runTail({
        ...serverOf(server),
        agents: agent,
        filter: {
          statusMin: statusOf('--status-min', statusMin),
          statusMax: statusOf('--status-max', statusMax),
          ...{ method, path, section, host, search },
        },
        json: json === true,
        stdout: process.stdout,
        stderr: process.stderr,
      });
    });
}

const collect = (name: string, names: readonly string[]): string[] => [...names, name];

function statusOf(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^\d{1,3}$/.test(given)) throw new UserError(`${option} is "${given}"; expected a status, 0 to 999`);
  return Number(given);
}
