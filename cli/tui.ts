import type { Command } from 'commander';
import { runTui } from '../client-tui/index.js';
import { UserError } from '../schema/user-error.js';
import { dataFolder, OPERATOR_TOKEN_FILE, serverUrls, token } from './settings.js';

interface Options {
  url?: string;
  token?: string;
  tokenFile?: string;
  data?: string;
  agent?: string;
  threshold?: string;
  plain?: boolean;
}

/** `hlm tui`: the terminal client. */
export function tuiCommand(command: Command): Command {
  return command
    .option('--url <url>', "the server's GraphQL address (HLM_URL)")
    .option(
      '--token-file <file>',
      'file that holds a token that may read (HLM_TOKEN_FILE; HLM_TOKEN is the token; else the data folder)',
    )
    .option('--token <token>', 'the token itself: anyone on this machine can read it in the list of processes')
    .option('--data <dir>', 'data folder, where the token is found (HLM_DATA)')
    .option('--agent <name>', "open this server's page at once")
    .option('--threshold <hits/s>', "first set the High traffic rule's threshold")
    .option('--plain', 'plain lines instead of a screen; always so where there is no terminal')
    .action(async (options: Options) => {
      process.exitCode = await runTui({
        // With several servers any of them shows the same: the first is asked.
        url: serverUrls(options.url)[0]!,
        token: token(options, dataFolder(options.data), [OPERATOR_TOKEN_FILE]),
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
