import type { Command } from 'commander';
import type { TadaDocumentNode } from 'gql.tada';
import { print } from 'graphql/language/printer.js';
import { readAnswer } from '../../agent/ship/answer.js';
import { UserError } from '../../schema/user-error.js';
import { type ServerChoice, serverOf } from '../server-choice.js';

const TIMEOUT_MS = 30_000;

/** Adds the options that say which server, and as whom. */
export function choosingServer(command: Command): Command {
  return command
    .option('--url <url>', "the server's GraphQL address (HLM_URL)")
    .option('--token-file <file>', 'file with the token whose rights are used (HLM_TOKEN_FILE; HLM_TOKEN is the token)')
    .option('--token <token>', 'the token itself: anyone on this machine can read it in the list of processes')
    .option('--data <dir>', 'data folder, where else the operator token is found (HLM_DATA)')
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)');
}

/**
 * Asks a running server once.
 *
 * @throws UserError in one line: it cannot be reached, does not answer GraphQL, or refuses.
 */
export async function ask<Result, Variables>(
  server: ServerChoice,
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const { url: address, token: secret } = serverOf(server);
  const answer = await post(address, secret, JSON.stringify({ query: print(document), variables }));
  if (answer.kind === 'data') return answer.data as Result;
  if (answer.kind === 'refused' && answer.code === 'UNAUTHENTICATED')
    throw new UserError(`${address} does not know this token: ${answer.message}`);
  throw new UserError(answer.kind === 'refused' ? answer.message : `${address} ${answer.why}`);
}

async function post(address: string, secret: string, body: string) {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return readAnswer(response.status, await response.text());
  } catch (error) {
    const { cause, message } = error as { cause?: NodeJS.ErrnoException; message: string };
    throw new UserError(`${address} cannot be reached (${cause?.code ?? message})`);
  }
}
