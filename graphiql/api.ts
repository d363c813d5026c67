import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { type ExecutionResult, getOperationAST, parse } from 'graphql';
import { type Client, createClient } from 'graphql-ws';

/** What this page speaks to: the address it came from. */
const API_PATH = '/graphql';

export interface Api {
  fetcher: Fetcher;
  close: () => void;
}

/** Queries and mutations over HTTP, subscriptions over one socket that opens with the first of them. */
export function openApi(token: string): Api {
  const authorization: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const socketUrl = new URL(API_PATH, location.href);
  socketUrl.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = createClient({ url: socketUrl.href, connectionParams: authorization, lazy: true });
  const fetcher: Fetcher = (given) => {
    const { params, isSubscription } = prepare(given);
    return isSubscription ? follow(socket, params) : post(params, authorization);
  };
  return { fetcher, close: () => void socket.dispose() };
}

/** The operation is read anew: just after a tab was changed, what the editor knows is still about the one before. */
function prepare({ query, variables, operationName }: FetcherParams): {
  params: FetcherParams;
  isSubscription: boolean;
} {
  try {
    const document = parse(query);
    const named = operationName ? getOperationAST(document, operationName) : null;
    const operation = named ?? getOperationAST(document);
    const params = { query, variables, operationName: operation?.name?.value ?? null };
    return { params, isSubscription: operation?.operation === 'subscription' };
  } catch {
    // The server says best what is wrong with it.
    return { params: { query, variables, operationName }, isSubscription: false };
  }
}

async function post(params: FetcherParams, headers: Record<string, string>): Promise<ExecutionResult> {
  const response = await fetch(API_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(params),
  });
  return response.json();
}

/**
 * What a subscription sends; its failure is the last of its answers. No generator: one that waits for an answer ends
 * with the next only, and the page would take the end of a stopped subscription for that of the one after it.
 */
function follow(
  socket: Client,
  { query, variables, operationName }: FetcherParams,
): AsyncIterableIterator<ExecutionResult> {
  const answers = socket.iterate({ query, variables, operationName }) as AsyncIterableIterator<ExecutionResult>;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => answers.next().catch((error: unknown) => ({ done: false, value: failure(error) })),
    return: () => answers.return!(),
  };
}

/** @throws what is no answer of the server's. */
function failure(error: unknown): ExecutionResult {
  if (Array.isArray(error)) return { errors: error };
  if (error instanceof CloseEvent) throw new Error(`The socket was closed: ${error.code} ${error.reason}`);
  throw error;
}

/** Whom the server takes the token for, in words. */
export type Standing = { accepted: boolean; words: string };

export async function askStanding(token: string): Promise<Standing> {
  if (token === '') return { accepted: false, words: 'no token yet' };
  try {
    const query = '{ viewer { role tenant { name } } }';
    const { data, errors } = await post({ query }, { authorization: `Bearer ${token}` });
    const viewer = data?.viewer as { role: string; tenant: { name: string } } | undefined;
    if (viewer) return { accepted: true, words: `${viewer.role} of ${viewer.tenant.name}` };
    return { accepted: false, words: errors?.[0]?.message ?? 'not accepted' };
  } catch {
    return { accepted: false, words: 'the server does not answer' };
  }
}
