import {
  Client,
  type CombinedError,
  fetchExchange,
  type OperationResult,
  subscriptionExchange,
  type TypedDocumentNode,
} from 'urql';
import { onEnd, pipe, subscribe } from 'wonka';
import type { Link } from './link.js';
import { pause, type Timer } from './timer.js';

/** A query over months of windows takes a while; a server that is gone takes for ever. */
const ANSWER_WITHIN_MS = 20_000;
/** A server that asks to be left alone for a while is asked again as often as fits into what one waits for an answer. */
const COMES_AGAIN = new Set(['RATE_LIMITED', 'RESOURCE_EXHAUSTED']);
/** A subscription that the server ended while the connection stands is begun again, calmly. */
const RESUBSCRIBE_AFTER_MS = 5_000;

/** The API as the feeds use it: answers or one error, and subscriptions that begin again where they end. */
export interface Api {
  ask<Data, Variables extends object>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data>;
  change<Data, Variables extends object>(
    document: TypedDocumentNode<Data, Variables>,
    variables: Variables,
  ): Promise<Data>;
  /** Follows a subscription through all sessions; `variables` is asked at each start. Returns what ends it. */
  follow<Data, Variables extends object>(
    document: TypedDocumentNode<Data, Variables>,
    variables: () => Variables,
    handlers: { started?: () => void; next: (data: Data) => void; failed: (error: CombinedError) => void },
  ): () => void;
}

/** urql over HTTP for queries and mutations, over the link's socket for subscriptions. No cache: the stores are one. */
export function createApi(url: string, token: string, link: Link, signal: AbortSignal): Api {
  const client = new Client({
    url,
    preferGetMethod: false,
    requestPolicy: 'network-only',
    fetch: (input, init) => {
      const ends = [signal, AbortSignal.timeout(ANSWER_WITHIN_MS), ...(init?.signal ? [init.signal] : [])];
      return fetch(input, { ...init, signal: AbortSignal.any(ends) });
    },
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: link.subscribe({ query: query ?? '', variables: variables as Record<string, unknown> }, sink),
          }),
        }),
      }),
      fetchExchange,
    ],
  });
  return {
    ask: async (document, variables) =>
      dataOf(await untilTaken(() => client.query(document, variables).toPromise(), signal)),
    change: async (document, variables) =>
      dataOf(await untilTaken(() => client.mutation(document, variables).toPromise(), signal)),
    follow: (document, variables, handlers) =>
      link.attach(() => {
        let stopped = false;
        let timer: Timer;
        let running: { unsubscribe(): void } | undefined;
        const again = () => {
          if (stopped) return;
          clearTimeout(timer);
          timer = setTimeout(begin, RESUBSCRIBE_AFTER_MS);
        };
        const begin = () => {
          running?.unsubscribe();
          handlers.started?.();
          running = pipe(
            client.subscription(document, variables()),
            onEnd(again),
            subscribe((result) => {
              if (stopped) return;
              if (result.data) handlers.next(result.data);
              if (result.error && !result.error.networkError) handlers.failed(result.error);
            }),
          );
        };
        begin();
        return () => {
          stopped = true;
          clearTimeout(timer);
          running?.unsubscribe();
        };
      }),
  };
}

/** Asks again where the server says when: nothing was done then. */
async function untilTaken<Result extends OperationResult>(
  ask: () => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const deadlineMs = performance.now() + ANSWER_WITHIN_MS;
  for (;;) {
    const result = await ask();
    const waitMs = waitAskedFor(result.error);
    if (waitMs === null || performance.now() + waitMs > deadlineMs) return result;
    await pause(waitMs, signal);
    if (signal.aborted) return result;
  }
}

/** Milliseconds; null: the server did not ask for it. */
export function waitAskedFor(error: CombinedError | undefined): number | null {
  const { code, retryAfterMs } = error?.graphQLErrors[0]?.extensions ?? {};
  if (!COMES_AGAIN.has(String(code)) || typeof retryAfterMs !== 'number' || !(retryAfterMs > 0)) return null;
  return retryAfterMs;
}

/** What may be null in an answer is null with an error only where it was asked for in vain: then the error is what to say. */
function dataOf<Data>(result: OperationResult<Data>): Data {
  if (result.error) throw result.error;
  if (result.data === undefined || result.data === null) throw new Error('the server gave no answer');
  return result.data;
}
