import { afterAll, beforeAll, expect } from '@jest/globals';
import { startTestServer, type TestServer } from './server.js';

/* A server, a client that does nothing wrong, and requests that no client would send. */

const AT_ONCE = 4;
export const JSON_TYPE = { 'content-type': 'application/json' };
export const SMALL = '{ viewer { role } }';

export let server: TestServer;

/** One for a test file, with short deadlines. */
export function serveHostile(): void {
  beforeAll(async () => {
    server = await startTestServer({ limits: { headersMs: 500, requestMs: 5_000, wrongTokensPerMinute: 20 } });
  }, 60_000);
  afterAll(() => server.close());
}

/** A client that does nothing wrong is answered all the while. */
export async function besideGoodClient<Result>(work: () => Promise<Result>): Promise<Result> {
  let working = true;
  const asking = (async () => {
    do {
      expect((await server.gql(SMALL)).data).toEqual({ viewer: { role: 'OPERATOR' } });
    } while (working);
  })();
  try {
    return await work();
  } finally {
    working = false;
    await asking;
  }
}

/** Several times at once, beside a client that does nothing wrong. */
export const times = <Result>(work: () => Promise<Result>): Promise<Result[]> =>
  besideGoodClient(() => Promise.all(Array.from({ length: AT_ONCE }, work)));

export interface Given {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  path?: string;
  token?: string | null;
}

/** By fetch: status, code, and headers that every answer has. */
export async function send({ method = 'POST', headers = JSON_TYPE, body, path = '', token }: Given) {
  const secret = token === undefined ? server.operatorToken : token;
  const response = await fetch(new URL(`/graphql${path}`, server.url), {
    method,
    headers: { ...headers, ...(secret === null ? {} : { authorization: `Bearer ${secret}` }) },
    body: body as never,
    redirect: 'manual',
  });
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  expect(response.headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
  const text = await response.text();
  expect(text).not.toMatch(/<html|node_modules|\.ts:|\.js:/i);
  if (response.status === 404) return { status: 404, code: '', message: text };
  const { errors } = JSON.parse(text) as { errors: { message: string; extensions: { code: string } }[] };
  return { status: response.status, code: errors[0].extensions.code, message: errors[0].message };
}

export const operation = (query: string, variables?: object): Given => ({ body: JSON.stringify({ query, variables }) });
export const repeat = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(' ');
export const nested = (depth: number): string => (depth === 0 ? '{ id }' : `{ startedBy ${nested(depth - 1)} }`);
