// Goal: hostile requests each get their error, in GraphQL's form, and cost nobody else an answer.
// Method: a real server with short deadlines; every request is sent several times at once while a well-behaved client
// asks on and on. By fetch where a client can, by bare TCP where none would.
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { bomb, headOf, sendRaw } from '../support/hostile.js';
import {
  besideGoodClient,
  type Given,
  JSON_TYPE,
  nested,
  operation,
  repeat,
  SMALL,
  send,
  serveHostile,
  server,
  times,
} from '../support/hostile-http.js';
import { post, startTestServer } from '../support/server.js';

serveHostile();

describe('documents', () => {
  test.each<[string, string, string]>([
    ['deep', `{ activeAlerts ${nested(17)} }`, 'QUERY_TOO_COMPLEX'],
    [
      'deep by fragments',
      `{ activeAlerts { ...F0 } } ${repeat(20, (i) => `fragment F${i} on AlertEvent { startedBy { ${i === 19 ? 'id' : `...F${i + 1}`} } }`)}`,
      'QUERY_TOO_COMPLEX',
    ],
    ['wide: more tokens than a document has', `{ viewer { ${repeat(2_100, () => 'role')} } }`, 'GRAPHQL_PARSE_FAILED'],
    ['a field over and over', `{ agents { nodes { ${repeat(110, () => 'streams { id }')} } } }`, 'QUERY_TOO_COMPLEX'],
    ['many aliases', `{ viewer { ${repeat(60, (i) => `a${i}: role`)} } }`, 'QUERY_TOO_COMPLEX'],
    ['many directives', `{ viewer { ${repeat(30, () => 'role @include(if: true)')} } }`, 'QUERY_TOO_COMPLEX'],
    ['many root fields', `{ ${repeat(30, (i) => `a${i}: viewer { role }`)} }`, 'QUERY_TOO_COMPLEX'],
    [
      'many mutations, by a fragment',
      `mutation { ...F } fragment F on Mutation { ${repeat(10, (i) => `a${i}: deleteAgent(id: "x")`)} }`,
      'QUERY_TOO_COMPLEX',
    ],
    [
      'a cost of lists in lists',
      '{ agents(first: 500) { nodes { streams(first: 1000) { rejections { reason } } } } }',
      'QUERY_TOO_COMPLEX',
    ],
    [
      'fragments that double',
      `{ viewer { ...F0 } } ${repeat(40, (i) => `fragment F${i} on Viewer { ${i === 39 ? 'role' : `...F${i + 1} ...F${i + 1}`} }`)}`,
      'QUERY_TOO_COMPLEX',
    ],
    [
      'a circle of fragments',
      '{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['no GraphQL', '{{{{', 'GRAPHQL_PARSE_FAILED'],
    ['a subscription over HTTP', 'subscription { liveWindows { agent { id } } }', ''],
    ['NUL in an argument', '{ agents(search: "\\u0000") { totalCount } }', 'BAD_USER_INPUT'],
  ])('%s', async (_what, query, code) => {
    for (const answer of await times(() => send(operation(query)))) {
      if (code !== '') expect(answer.code).toBe(code);
      expect(answer.message.length).toBeLessThan(500);
    }
  });

  test('what is wrong is told whole, and with suggestions, to who has signed in', async () => {
    const { errors } = await server.gql('{ viewer { rol tenan } }');
    expect(errors!.map(({ extensions }) => extensions.code)).toEqual(Array(2).fill('GRAPHQL_VALIDATION_FAILED'));
    expect(errors!.map(({ message }) => message)).toEqual([
      expect.stringMatching(/"rol".*Did you mean "role"/),
      expect.stringMatching(/"tenan".*Did you mean "tenant"/),
    ]);
  });

  test('a cost by variables', async () => {
    const query =
      'query ($n: Int!) { agents(first: $n) { nodes { streams(first: $n) { id rejections { reason } } } } }';
    const [answer] = await times(() => send(operation(query, { n: 500 })));
    expect(answer).toMatchObject({ status: 400, code: 'QUERY_TOO_COMPLEX' });
    const { data, extensions } = (await server.gql(query, { n: 5 })) as { data: object; extensions?: { cost: number } };
    expect(data).toEqual({ agents: { nodes: [] } });
    expect(extensions!.cost).toBeGreaterThan(5 * 5);
  });

  test('several in one request, and a persisted one', async () => {
    const batch = JSON.stringify([{ query: SMALL }, { query: SMALL }]);
    for (const answer of await times(() => send({ body: batch })))
      expect(answer).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    const unknown = JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } });
    expect((await send({ body: unknown })).code).toBe('PERSISTED_QUERY_NOT_FOUND');
  });
});

describe('who has not signed in', () => {
  test.each<[string, Given]>([
    ['asks', operation(SMALL)],
    ['introspects', operation(getIntrospectionQuery())],
    ['probes for names of fields', operation('{ viewr { role } }')],
    ['sends no JSON', { body: '{' }],
    ['sends a large body', { body: 'x'.repeat(200_000) }],
    [
      'introspects by GET',
      {
        method: 'GET',
        headers: JSON_TYPE,
        path: `?query=${encodeURIComponent('{ __schema { queryType { name } } }')}`,
      },
    ],
  ])('%s: is told that a token is needed, and nothing else', async (_what, given) => {
    for (const answer of await times(() => send({ ...given, token: null })))
      expect(answer).toEqual({ status: 401, code: 'UNAUTHENTICATED', message: 'A valid token is needed.' });
  });

  test('guesses tokens: is told to wait; a valid token from there is taken all the while', async () => {
    const begunMs = performance.now();
    const answers = await besideGoodClient(() =>
      Promise.all(Array.from({ length: 200 }, (_, i) => send({ ...operation(SMALL), token: `guess-${i}` }))),
    );
    // Twenty a minute come back while they are answered.
    const more = Math.ceil((performance.now() - begunMs) / 3_000);
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === 'UNAUTHENTICATED').length).toBeLessThanOrEqual(20 + more);
    expect(codes.filter((code) => code === 'RATE_LIMITED').length).toBeGreaterThanOrEqual(180 - more);
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: 'Bearer guess' },
      body: '{}',
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const { errors } = (await response.json()) as { errors: { extensions: { retryAfterMs: number } }[] };
    expect(errors[0].extensions.retryAfterMs).toBeGreaterThan(0);
    expect((await post(server.url, SMALL, undefined, server.agentToken)).data).toEqual({ viewer: { role: 'AGENT' } });
  });
});

describe('bodies', () => {
  const query = JSON.stringify({ query: SMALL });
  const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' };
  const zipped = gzipSync(query);
  const flipped = Buffer.from(zipped);
  flipped[flipped.length - 6] ^= 1;

  test.each<[string, Given, number, string]>([
    ['a gzip bomb', { headers: gzip, body: bomb(2 ** 30) }, 413, 'PAYLOAD_TOO_LARGE'],
    ['a gzip that is cut off', { headers: gzip, body: zipped.subarray(0, -10) }, 400, 'BAD_REQUEST'],
    ['a gzip with a wrong checksum', { headers: gzip, body: flipped }, 400, 'BAD_REQUEST'],
    ['no gzip, though it says so', { headers: gzip, body: query }, 400, 'BAD_REQUEST'],
    ['an unknown encoding', { headers: { ...JSON_TYPE, 'content-encoding': 'br' }, body: query }, 415, 'BAD_REQUEST'],
    [
      'encodings in a row',
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip, gzip' }, body: zipped },
      415,
      'BAD_REQUEST',
    ],
    ['too large', { body: Buffer.alloc(17 * 2 ** 20, 'x') }, 413, 'PAYLOAD_TOO_LARGE'],
    ['malformed JSON', { body: '{"query": ' }, 400, 'BAD_REQUEST'],
    ['nothing', { body: '' }, 400, 'BAD_REQUEST'],
    ['a number', { body: '7' }, 400, 'BAD_REQUEST'],
    ['JSON nested deeply', { body: `${'['.repeat(1_000_000)}` }, 400, 'BAD_REQUEST'],
    ['a poisoned prototype', { body: '{"query":"{viewer{role}}","__proto__":{"a":1}}' }, 400, 'BAD_REQUEST'],
    [
      'invalid UTF-8',
      { body: Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]) },
      400,
      'BAD_REQUEST',
    ],
    ['text/plain', { headers: { 'content-type': 'text/plain' }, body: query }, 415, 'BAD_REQUEST'],
    [
      'a form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'query=x' },
      415,
      'BAD_REQUEST',
    ],
    ['files', { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x--' }, 415, 'BAD_REQUEST'],
  ])('%s', async (_what, given, status, code) => {
    for (const answer of await times(() => send(given))) expect(answer).toMatchObject({ status, code });
  });

  test('a gzip of what is right is taken', async () => {
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { ...gzip, authorization: `Bearer ${server.operatorToken}` },
      body: zipped as never,
    });
    expect(await response.json()).toMatchObject({ data: { viewer: { role: 'OPERATOR' } } });
  });

  test('a slow body', async () => {
    const bytes = `${headOf(server.operatorToken, { ...JSON_TYPE, 'content-length': 100 })}{`;
    for (const answer of await times(() => sendRaw(server.url, bytes))) expect(answer.status).toBe(408);
  });
});

describe('what is hardly HTTP', () => {
  const get = (headers: string) => `GET /graphql HTTP/1.1\r\n${headers}`;
  const posting = (headers: Record<string, string | number>) =>
    headOf(server.operatorToken, { ...JSON_TYPE, ...headers });

  test.each<[string, () => string | Buffer, number]>([
    ['headers that never end', () => get('host: x\r\nx: '), 408],
    ['a connection that says nothing', () => '', 408],
    ['huge headers', () => get(`host: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), 431],
    ['thousands of headers', () => get(`host: x\r\n${repeat(3_000, (i) => `x${i}: y\r\n`)}\r\n`), 400],
    ['garbage', () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), 400],
    ['a request line of nothing', () => '\0\0\0 / HTTP/1.1\r\n\r\n', 400],
    ['two lengths', () => `${posting({ 'content-length': 5 }).slice(0, -2)}content-length: 6\r\n\r\n{}{}{}`, 400],
    [
      'a length and chunks',
      () => `${posting({ 'content-length': 5, 'transfer-encoding': 'chunked' })}0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`,
      400,
    ],
    ['a chunk of no size', () => `${posting({ 'transfer-encoding': 'chunked' })}zz\r\n{}\r\n`, 400],
    ['a negative length', () => posting({ 'content-length': -1 }), 400],
    ['a folded header', () => get('host: x\r\nx: a\r\n b\r\n\r\n'), 400],
    ['no host', () => get('connection: close\r\n\r\n'), 400],
  ])('%s', async (_what, bytes, status) => {
    for (const answer of await times(() => sendRaw(server.url, bytes()))) {
      expect([status, 0]).toContain(answer.status);
      if (answer.status !== 0) expect(answer.body).not.toMatch(/<html|at .*\.js/i);
    }
    if (status === 408) expect((await sendRaw(server.url, bytes())).headers).toContain('nosniff');
  });

  test.each([
    ['PUT', '', 405, 'BAD_REQUEST'],
    ['DELETE', '', 405, 'BAD_REQUEST'],
    ['OPTIONS', '', 405, 'BAD_REQUEST'],
    ['PATCH', '', 405, 'BAD_REQUEST'],
    ['GET', '/../../etc/passwd', 404, ''],
    ['GET', '/..%2f..%2fpackage.json', 404, ''],
    ['POST', 'X', 404, ''],
  ])('%s /graphql%s', async (method, path, status, code) => {
    const given = { method, path, ...(method === 'GET' ? { headers: {} } : { body: '{}' }) };
    for (const answer of await times(() => send(given))) expect(answer).toMatchObject({ status, code });
  });

  test('TRACE, which echoes', async () => {
    const status = await new Promise((resolve) => {
      httpRequest(server.url, { method: 'TRACE', headers: { authorization: 'Bearer secret' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(405);
  });

  test('a mutation by GET, and a query from a form of a foreign page', async () => {
    const mutation = {
      method: 'GET',
      headers: JSON_TYPE,
      path: `?query=${encodeURIComponent('mutation { deleteAgent(id: "a") }')}`,
    };
    expect(await send(mutation)).toMatchObject({ status: 405, code: 'BAD_REQUEST' });
    const query = { method: 'GET', headers: {}, path: `?query=${encodeURIComponent(SMALL)}` };
    expect(await send(query)).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  });

  test('one address opens more connections than it may: they end at once, and it comes in again once others have', async () => {
    const few = await startTestServer({ limits: { connections: 40, headersMs: 500 } });
    try {
      const answers = await Promise.all(Array.from({ length: 60 }, () => sendRaw(few.url, 'GET ')));
      // A quarter of all: who holds them is told so late that it was slow.
      expect(answers.filter(({ status }) => status === 408).length).toBeLessThanOrEqual(10);
      expect(answers.filter(({ status }) => status === 0).length).toBeGreaterThanOrEqual(50);
      expect((await few.gql(SMALL)).data).toEqual({ viewer: { role: 'OPERATOR' } });
    } finally {
      await few.close();
    }
  });
});
