// Goal: mistakes at the start are one clear line each, and a connection that goes and comes leaves no gap: subscriptions
// begin again, alerts from the last cursor, windows with what was missed. Method: the feeds against a server that says
// what the test wants, and that crashes.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { checkServer, RefusedError } from '../../client/connection/check.js';
import { describeFailure } from '../../client/connection/describe.js';
import { retryDelayMs, socketUrl } from '../../client/connection/link.js';
import { FrameClock } from '../../client/connection/store.js';
import { firing, newestFirst } from '../../client/model/alerts.js';
import { type Feeds, openFeeds } from '../../client-tui/feeds/feeds.js';
import { graphOf } from '../../client-tui/feeds/server-feed.js';
import { runTui } from '../../client-tui/index.js';
import { GRAPH_SPANS } from '../../client-tui/model/timeframes.js';
import { UserError } from '../../schema/user-error.js';
import { agentCard, alertEvent, figures, liveMessage, rule } from '../support/tui.js';
import { type Answer, FakeServer, until } from '../support/tui-server.js';

const TOKEN = FakeServer.TOKEN;
const viewer = { role: 'OPERATOR', tenant: { id: 't1', name: 'default' } };
/** What a server with one agent, one rule and no alerts answers. */
const ordinary: Record<string, Answer> = {
  Viewer: () => ({ viewer }),
  Agents: () => ({
    agents: { totalCount: 1, nodes: [agentCard()], pageInfo: { hasNextPage: false, endCursor: null } },
  }),
  AlertRules: () => ({ alertRules: [rule()] }),
  Alerts: () => ({ activeAlerts: [], alertEvents: { nodes: [] } }),
};

let server: FakeServer;
let feeds: Feeds | undefined;

beforeEach(async () => {
  server = await new FakeServer().start();
  server.answers = { ...ordinary };
});

afterEach(async () => {
  feeds?.close();
  feeds = undefined;
  await server.crash();
});

describe('at the start', () => {
  const against = async (listener: RequestListener): Promise<string> => {
    const http = createServer(listener);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`;
    try {
      return await checkServer(url, TOKEN).then(
        () => 'fine',
        (error: unknown) => {
          expect(error).toBeInstanceOf(UserError);
          return (error as Error).message.replace(url, 'URL');
        },
      );
    } finally {
      http.closeAllConnections();
      http.close();
    }
  };

  test('who we are', async () => {
    expect(await checkServer(server.url, TOKEN)).toEqual(viewer);
  });

  test('a wrong token, and one that may not read, are refused', async () => {
    await expect(checkServer(server.url, 'wrong')).rejects.toThrow(RefusedError);
    await expect(checkServer(server.url, 'wrong')).rejects.toThrow(/does not accept this token$/);
    server.answers.Viewer = () => ({ viewer: { ...viewer, role: 'AGENT' } });
    await expect(checkServer(server.url, TOKEN)).rejects.toThrow(/only send entries/);
  });

  test('a server that is not there', async () => {
    const { url } = server;
    await server.crash();
    await expect(checkServer(url, TOKEN)).rejects.toThrow(`cannot reach ${url}: connection refused`);
  });

  test.each([
    ['a page', 404, '<html>', 'URL does not answer GraphQL (HTTP 404)'],
    ['other JSON', 200, '{"hello":1}', 'URL does not answer GraphQL (HTTP 200)'],
    ['another GraphQL', 200, '{"data":{}}', 'URL answers GraphQL, but is no HTTP Logs Monitor'],
    [
      'an error',
      500,
      '{"errors":[{"message":"the\\u001b[31m database is away"}]}',
      'URL answers: the database is away',
    ],
    ['a door-keeper', 401, 'who are you?', 'URL does not accept this token'],
  ])('%s', async (_, status, body, message) => {
    expect(await against((__, response) => response.writeHead(status).end(body))).toBe(message);
  });

  test('failures in words', () => {
    expect(describeFailure(new TypeError('fetch failed', { cause: new Error('bad port') }))).toBe('bad port');
    expect(describeFailure(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))).toBe('unknown host');
    expect(describeFailure(new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })]))).toBe(
      'connection refused',
    );
    expect(describeFailure({ code: 1006, reason: '' })).toBe('connection closed');
    expect(describeFailure(undefined)).toBe('connection closed');
  });

  test('the socket has the same address, safe where the page is', () => {
    expect(socketUrl('http://h:4000/graphql')).toBe('ws://h:4000/graphql');
    expect(socketUrl('https://h/graphql')).toBe('wss://h/graphql');
  });
});

describe('the connection', () => {
  test('waits grow, are bounded, and are spread by chance', () => {
    expect([0, 1, 2, 3, 9, 500].map((failures) => retryDelayMs(failures, () => 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
    ]);
    expect(retryDelayMs(0, () => 0)).toBe(500);
  });

  test('stores tell their listeners together, and no more than four times a second', async () => {
    jest.useFakeTimers();
    try {
      const clock = new FrameClock(() => Date.now());
      const [one, two] = [clock.store(0), clock.store(0)];
      const told: string[] = [];
      one.subscribe(() => told.push(`one ${one.get()}`));
      two.subscribe(() => told.push(`two ${two.get()}`));
      for (let step = 1; step <= 100; step += 1) {
        one.set(step);
        two.set(step);
        await jest.advanceTimersByTimeAsync(10);
      }
      expect(told.length / 2).toBeLessThanOrEqual(5);
      await jest.advanceTimersByTimeAsync(250);
      expect(told.slice(-2)).toEqual(['one 100', 'two 100']);
    } finally {
      jest.useRealTimers();
    }
  });

  test('after a crash everything begins again, alerts from the last one seen', async () => {
    const before = alertEvent({ id: 'e1', cursor: 'c1' });
    server.answers.Alerts = () => ({ activeAlerts: [before], alertEvents: { nodes: [before] } });
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const { fleet, alerts, link } = feeds;
    await until(
      'subscriptions',
      () => server.open('LiveFleet').length === 1 && server.open('AlertEvents').length === 1,
    );
    expect(server.open('AlertEvents')[0]!.variables).toEqual({ after: 'c1' });
    server.open('LiveFleet')[0]!.next({ liveWindows: [liveMessage(agentCard(), '2019-02-07T21:19:03Z', 100)] });
    server
      .open('AlertEvents')[0]!
      .next({ alertEvents: alertEvent({ id: 'e2', cursor: 'c2', type: 'RECOVERED', startedBy: { id: 'e1' } }) });
    await until('the event', () => newestFirst(alerts.state.get().book).length === 2);
    expect(firing(alerts.state.get().book)).toEqual([]);

    await server.crash();
    await until('the loss', () => link.get().kind === 'lost');
    expect(fleet.state.get().live.size).toBe(1); // what is known stays
    server.answers.Alerts = () => ({ activeAlerts: [], alertEvents: { nodes: [] } });
    await server.start();
    feeds.refresh();
    await until('the connection', () => link.get().kind === 'connected');
    expect(link.get()).toMatchObject({ again: true });
    await until(
      'subscriptions',
      () => server.open('LiveFleet').length === 1 && server.open('AlertEvents').length === 1,
    );
    expect(server.open('AlertEvents')[0]!.variables).toEqual({ after: 'c2' });
  });

  test('what the server does not take now is asked again when it says', async () => {
    let refusals = 2;
    server.answers.Alerts = () => {
      if (refusals-- > 0)
        throw Object.assign(new Error('too much'), { extensions: { code: 'RATE_LIMITED', retryAfterMs: 20 } });
      return { activeAlerts: [], alertEvents: { nodes: [alertEvent({ id: 'e1', cursor: 'c1' })] } };
    };
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const { alerts } = feeds;
    await until('the history', () => newestFirst(alerts.state.get().book).length === 1);
    expect(server.asked.filter(({ operation }) => operation === 'Alerts')).toHaveLength(3);
  });

  test('a token that was revoked ends it', async () => {
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const { link } = feeds;
    await until('the connection', () => link.get().kind === 'connected');
    server.refusing = true;
    server.closeSockets(4403, 'revoked');
    await until('the refusal', () => link.get().kind === 'refused');
  });

  test.each([1000, 1012, 4500, 4409])('a socket closed with %i is opened again', async (code) => {
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    await until('subscriptions', () => server.subscriptions.length === 2);
    server.closeSockets(code, 'bye');
    await until('the loss', () => server.subscriptions.length === 0);
    await until('subscriptions', () => server.subscriptions.length === 2);
  });
});

describe("a server's page", () => {
  const window = (start: string, revision: number, hits: number) => ({
    start,
    end: new Date(Date.parse(start) + 10_000).toISOString(),
    revision,
    complete: false,
    stats: figures(hits, 10),
  });

  test('history and live windows become one graph, and a stale span is asked for', async () => {
    server.answers.Series = () => ({
      agent: {
        ...agentCard(),
        traffic: { windows: [window('2019-02-07T21:10:00Z', 1, 7), window('2019-02-07T21:19:00Z', 0, 1)] },
      },
    });
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const page = feeds.openServer(agentCard(), GRAPH_SPANS[0]!, 'sliding');
    const hits = () => new Map(graphOf(page.state.get())?.points.map(({ startMs, stats }) => [startMs, stats.hits]));
    await until('the subscription', () => server.open('LiveServer').length === 1);
    expect(server.open('LiveServer')[0]!.variables).toEqual({ agentId: 'a1' });
    const message = liveMessage(agentCard(), '2019-02-07T21:19:03Z', 100);
    server.open('LiveServer')[0]!.next({ liveWindows: [message] });
    await until('history', () => hits().get(Date.parse('2019-02-07T21:10:00Z')) === 7);
    await until('live', () => hits().size === 14);
    // The query's answer is older than the live message, whichever came first.
    expect(hits().get(Date.parse('2019-02-07T21:19:00Z'))).toBe(50);
    expect(graphOf(page.state.get())?.toMs).toBe(Date.parse('2019-02-07T21:19:10Z'));

    const asked = () => server.asked.filter(({ operation }) => operation === 'Series').length;
    const before = asked();
    server.open('LiveServer')[0]!.next({
      liveWindows: [{ ...message, windows: [], stale: { from: '2019-02-07T21:00:00Z', to: '2019-02-07T21:17:00Z' } }],
    });
    await until('another question', () => asked() > before);
    expect(server.asked.at(-1)?.variables).toMatchObject({
      timeframe: { from: '2019-02-07T21:09:04.000Z', to: '2019-02-07T21:19:04.000Z' },
    });
    page.close();
    await until('its end', () => server.open('LiveServer').length === 0);
  });

  test('a longer timeframe is asked for, and ends with the newest event', async () => {
    server.answers.Series = () => ({
      agent: { ...agentCard(), traffic: { windows: [window('2019-02-07T20:00:00Z', 1, 7)] } },
    });
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const page = feeds.openServer(agentCard(), GRAPH_SPANS[2]!, 'sliding');
    await until('the answer', () => graphOf(page.state.get())?.points.length === 1);
    expect(graphOf(page.state.get())?.toMs).toBe(Date.parse('2019-02-07T21:19:04Z'));
    page.close();
  });

  test("the server's objection to a threshold is said as it is", async () => {
    server.answers.SetThreshold = () => {
      throw new Error('threshold: must be below the recovery threshold');
    };
    feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
    const refused = feeds.alerts.setThreshold('r1', 5).catch(describeFailure);
    expect(await refused).toBe('threshold: must be below the recovery threshold');
  });
});

describe('plain lines', () => {
  test('from the first line to the end, without a single escape', async () => {
    const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const ending = new AbortController();
    const code = runTui({
      url: server.url,
      token: TOKEN,
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout: stdout as unknown as NodeJS.WriteStream,
      stderr,
      signal: ending.signal,
    });
    await until('subscriptions', () => server.open('LiveFleet').length === 1);
    server.open('LiveFleet')[0]!.next({ liveWindows: [liveMessage(agentCard(), '2019-02-07T21:19:03Z', 100)] });
    await until('the alerts', () => server.open('AlertEvents').length === 1);
    server.open('AlertEvents')[0]!.next({ alertEvents: alertEvent({}) });
    let text = '';
    stdout.on('data', (chunk) => {
      text += chunk;
    });
    await until('both lines', () => text.split('\n').length >= 3);
    ending.abort();
    expect(await code).toBe(0);
    expect(text).toContain('web-1  100 hits  10.00/s  2.0% errors');
    expect(text).toContain('web-1  High traffic generated an alert - hits = 10.05, triggered at 2019-02-07T21:12:36Z');
    expect(text).not.toContain('\u001b');
    await until('no socket', () => server.subscriptions.length === 0);
  });
});

test('a server that no longer answers holds nobody back', async () => {
  feeds = openFeeds({ url: server.url, token: TOKEN, now: Date.now });
  await until('subscriptions', () => server.subscriptions.length === 2);
  server.silent = true;
  const asked = feeds.alerts.refresh();
  const startMs = performance.now();
  feeds.close();
  await asked;
  await until('no socket', () => server.subscriptions.length === 0);
  expect(performance.now() - startMs).toBeLessThan(3_000);
});
