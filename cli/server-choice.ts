import type { Command } from 'commander';
import { dataFolder, OPERATOR_TOKEN_FILE, serverUrls, type TokenOptions, token } from './settings.js';

/** Options of all commands that ask a running server. */
export interface ServerChoice extends TokenOptions {
  url?: string;
  data?: string;
}

/** Adds the options that say which server, and with which token it is read. */
export function readingServer(command: Command): Command {
  return command
    .option('--url <url>', "the server's GraphQL address (HLM_URL)")
    .option(
      '--token-file <file>',
      'file that holds a token that may read (HLM_TOKEN_FILE; HLM_TOKEN is the token; else the data folder)',
    )
    .option('--token <token>', 'the token itself: anyone on this machine can read it in the list of processes')
    .option('--data <dir>', 'data folder, where the token is found (HLM_DATA)');
}

/** With several servers any of them answers the same: the first is asked. @throws UserError where there is none, or no token. */
export function serverOf({ url, data, ...options }: ServerChoice): { url: string; token: string } {
  return { url: serverUrls(url)[0]!, token: token(options, dataFolder(data), [OPERATOR_TOKEN_FILE]) };
}
