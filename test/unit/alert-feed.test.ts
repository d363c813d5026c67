// Goal: whoever shows alerts has each event once, finds the older ones, and is told of what is new, whatever comes when.
// Method: the feed against a server that says what the test wants.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import WebSocket from 'ws';
import { AlertFeed } from '../../client/feeds/alert-feed.js';
import { type FeedContext, openContext } from '../../client/feeds/context.js';
import { addEvents, EMPTY_BOOK, newestFirst } from '../../client/model/alerts.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { alertEvent } from '../support/tui.js';
import { type Answer, FakeServer, until } from '../support/tui-server.js';

/** The events numbered from `last` down to `first`, a second apart. */
const events = (last: number, first = 1): AlertEventCard[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => {
    const number = last - index;
    const at = new Date(Date.UTC(2026, 0, 1) + number * 1_000).toISOString();
    return alertEvent({ id: `e${number}`, cursor: String(number), at, type: 'CLOSED' });
  });

const ordinary: Record<string, Answer> = {
  Viewer: () => ({ viewer: { role: 'ADMIN', tenant: { id: 't', name: 't' } } }),
  AlertRules: () => ({ alertRules: [] }),
};

let server: FakeServer;
let context: FeedContext;
let feed: AlertFeed;
let told: string[];

beforeEach(async () => {
  server = await new FakeServer().start();
  server.answers = { ...ordinary };
});

afterEach(async () => {
  feed.close();
  context.close();
  await server.crash();
});

/** Opens the feed over a history of so many events. */
function open(total: number): void {
  server.answers.Alerts = () => ({ activeAlerts: [], alertEvents: { nodes: events(total, Math.max(1, total - 49)) } });
  server.answers.OlderAlerts = ({ after }) => {
    const first = Math.max(1, Number(after) - 50);
    const nodes = events(Number(after) - 1, first);
    return {
      alertEvents: { nodes, pageInfo: { hasNextPage: first > 1, endCursor: nodes.at(-1)?.cursor ?? null } },
    };
  };
  context = openContext({ url: server.url, token: FakeServer.TOKEN, now: Date.now, webSocket: WebSocket });
  feed = new AlertFeed(context);
  told = [];
  feed.onLive(({ id }) => told.push(id));
  context.link.connect();
}

const known = () => newestFirst(feed.state.get().book).map(({ id }) => id);
const subscribed = () => until('the subscription', () => server.open('AlertEvents').length === 1);
const wanted = (last: number, first = 1) => events(last, first).map(({ id }) => id);

test('older events are found page by page, down to the first', async () => {
  open(120);
  await until('the history', () => feed.state.get().older === 'there');
  expect(known()).toEqual(wanted(120, 71));
  await feed.loadOlder();
  expect(known()).toEqual(wanted(120, 21));
  expect(feed.state.get().older).toBe('there');
  await feed.loadOlder();
  expect(known()).toEqual(wanted(120));
  expect(feed.state.get().older).toBe('none');
  expect(told).toEqual([]);
});

test('a short history has nothing older', async () => {
  open(3);
  await until('the history', () => feed.state.get().loaded);
  expect(feed.state.get().older).toBe('none');
});

test('a page that fails may be asked for again', async () => {
  open(60);
  await until('the history', () => feed.state.get().older === 'there');
  const older = server.answers.OlderAlerts!;
  server.answers.OlderAlerts = () => {
    throw new Error('not now');
  };
  await feed.loadOlder();
  expect(feed.state.get().older).toBe('there');
  expect(context.notice.get()?.text).toBe('older alerts: not now');
  server.answers.OlderAlerts = older;
  await feed.loadOlder();
  expect(known()).toEqual(wanted(60));
});

test('what a flood pushed out of memory is found again', async () => {
  open(60);
  await subscribed();
  const live = server.open('AlertEvents')[0]!;
  for (const event of events(1_060, 61).reverse()) live.next({ alertEvents: event });
  await until('the flood', () => told.length === 1_000);
  expect(known().length).toBeLessThan(1_000);
  for (let page = 0; page < 30 && feed.state.get().older === 'there'; page += 1) await feed.loadOlder();
  expect(known()).toEqual(wanted(1_060));
});

test('each event that comes is told once; those that were there are not', async () => {
  open(2);
  await subscribed();
  server.open('AlertEvents')[0]!.next({ alertEvents: events(3, 3)[0] });
  await until('the event', () => told.length > 0);
  server.answers.Alerts = () => ({ activeAlerts: [], alertEvents: { nodes: events(3) } });
  await feed.refresh();
  expect(told).toEqual(['e3']);
  expect(known()).toEqual(wanted(3));
});

test('the first event ever is told, whether the subscription has it, the question or both', async () => {
  open(0);
  await subscribed();
  server.answers.Alerts = () => ({ activeAlerts: [], alertEvents: { nodes: events(1) } });
  await feed.refresh();
  expect(told).toEqual(['e1']);
  const live = server.open('AlertEvents')[0]!;
  live.next({ alertEvents: events(1)[0] });
  live.next({ alertEvents: events(2, 2)[0] });
  await until('the second', () => told.includes('e2'));
  expect(told).toEqual(['e1', 'e2']);
});

test('who has seen to an alert is known at once, and when another did', async () => {
  open(2);
  await until('the history', () => feed.state.get().loaded);
  const acknowledgedAt = '2026-01-01T01:00:00Z';
  server.answers.AcknowledgeAlert = ({ eventId }) => ({
    acknowledgeAlert: { ...events(2).find(({ id }) => id === eventId)!, acknowledgedAt },
  });
  await feed.acknowledge('e1');
  const seen = () => known().filter((id) => feed.state.get().book.events.get(id)?.acknowledgedAt === acknowledgedAt);
  expect(seen()).toEqual(['e1']);
  server.answers.Alerts = () => ({
    activeAlerts: [],
    alertEvents: { nodes: events(2).map((event) => ({ ...event, acknowledgedAt })) },
  });
  await feed.refresh();
  expect(seen()).toEqual(['e2', 'e1']);
  // An answer that was on its way takes nothing back.
  expect(addEvents(feed.state.get().book, events(2)).events.get('e1')?.acknowledgedAt).toBe(acknowledgedAt);
  expect(addEvents(EMPTY_BOOK, events(2)).events.size).toBe(2);
});
