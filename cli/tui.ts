import type { Command } from 'commander';
import { runTui } from '../client-tui/index.js';
import { UserError } from '../schema/user-error.js';
import { readingServer, type ServerChoice, serverOf } from './server-choice.js';

interface Options extends ServerChoice {
  agent?: string;
  threshold?: string;
  plain?: boolean;
}

/** `hlm tui`: the terminal client. */
export function tuiCommand(command: Command): Command {
  return readingServer(command)
    .option('--agent <name>', "open this server's page at once")
    .option('--threshold <hits/s>', "first set the High traffic rule's threshold")
    .option('--plain', 'plain lines instead of a screen; always so where there is no terminal')
    .action(async (options: Options) => {
      process.exitCode = await runTui({
        ...serverOf(options),
        agent: options.agent,
        threshold: options.threshold === undefined ? undefined : thresholdOf(options.threshold),
        plain: options.plain,
        stdin: process.stdin,
        stdout: process.stdout,
        stderr: process.stderr,
      });
    });
}

function thresholdOf(given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new UserError(`"${given}" is no threshold; expected a number of at least 0, such as 12.5`);
  }
  return value;
}
