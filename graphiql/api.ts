import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

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
  const fetcher = createGraphiQLFetcher({
    url: API_PATH,
    headers: authorization,
    wsClient: socket,
    // Answers come whole; a program's Accept, so that the server does not take this for a browser's visit.
    enableIncrementalDelivery: false,
  });
  return { fetcher, close: () => void socket.dispose() };
}

/** Whom the server takes the token for, in words. */
export type Standing = { accepted: boolean; words: string };

export async function askStanding(token: string): Promise<Standing> {
  if (token === '') return { accepted: false, words: 'no token yet' };
  try {
    const response = await fetch(API_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: '{ viewer { role tenant { name } } }' }),
    });
    const { data, errors } = await response.json();
    if (data?.viewer) return { accepted: true, words: `${data.viewer.role} of ${data.viewer.tenant.name}` };
    return { accepted: false, words: errors?.[0]?.message ?? 'not accepted' };
  } catch {
    return { accepted: false, words: 'the server does not answer' };
  }
}
