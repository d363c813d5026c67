// Goal: plain lines tell each window once, at most one line a server at a time, and every alert once. Method: states
// of the fleet one after the other, with the instants that they are seen at.
import { expect, test } from '@jest/globals';
import { applyLive, type FleetState } from '../../client/feeds/fleet-feed.js';
import { addEvents, EMPTY_BOOK } from '../../client/model/alerts.js';
import { PlainLines } from '../../client-tui/plain.js';
import { agentCard, alertEvent, liveMessage } from '../support/tui.js';

const nobody: FleetState = { loaded: true, agents: new Map(), total: 0, live: new Map() };
const upTo = (state: FleetState, at: string, hits = 100, agent = agentCard()) =>
  applyLive(state, [liveMessage(agent, at, hits)]);

test('the first line at once, then one for each window once it is whole', () => {
  const lines = new PlainLines();
  let state = upTo(nobody, '2019-02-07T21:19:03Z');
  expect(lines.servers(state, 0)).toEqual(['web-1  100 hits  10.00/s  2.0% errors  (10 s to 2019-02-07 21:19:00Z)']);
  state = upTo(state, '2019-02-07T21:19:05Z');
  expect(lines.servers(state, 2_000)).toEqual([]);
  state = upTo(state, '2019-02-07T21:19:11Z', 110);
  expect(lines.servers(state, 8_000)).toEqual([expect.stringContaining('(10 s to 2019-02-07 21:19:10Z)')]);
  expect(lines.servers(state, 9_000)).toEqual([]);
});

test('what is left of a file that ended is told once nothing more comes', () => {
  const lines = new PlainLines();
  const state = upTo(nobody, '2019-02-07T21:19:03Z');
  lines.servers(state, 0);
  expect(lines.servers(state, 9_999)).toEqual([]);
  expect(lines.servers(state, 10_000)).toEqual([
    'web-1  50 hits  12.50/s  2.0% errors  (21:19:00 to 2019-02-07 21:19:03Z)',
  ]);
  expect(lines.servers(state, 60_000)).toEqual([]);
});

test('a file read in at full speed is one line a second', () => {
  const lines = new PlainLines();
  let state = nobody;
  let told = 0;
  for (let step = 0; step < 40; step += 1) {
    state = upTo(state, new Date(1.5e12 + step * 60_000).toISOString());
    told += lines.servers(state, step * 250).length;
  }
  expect(told).toBe(10);
});

test('each server has its own line, a named one the only one', () => {
  const two = upTo(
    upTo(nobody, '2019-02-07T21:19:03Z'),
    '2019-02-07T21:19:03Z',
    20,
    agentCard({ id: 'a2', name: 'web\u001b[31m-2' }),
  );
  expect(new PlainLines().servers(two, 0).map((line) => line.split('  ')[0])).toEqual(['web-1', 'web-2']);
  expect(new PlainLines('web-1').servers(two, 0)).toHaveLength(1);
});

test('alerts once each in the words of the server, at first the last ten, the oldest first', () => {
  const lines = new PlainLines();
  const old = Array.from({ length: 15 }, (_, index) =>
    alertEvent({ id: `o${index}`, at: new Date(1.5e12 + index * 60_000).toISOString(), message: `message ${index}` }),
  );
  const book = addEvents(EMPTY_BOOK, old);
  expect(lines.alerts(book)).toEqual(Array.from({ length: 10 }, (_, index) => `web-1  message ${index + 5}`));
  expect(lines.alerts(book)).toEqual([]);
  const fired = addEvents(book, [alertEvent({})]);
  expect(lines.alerts(fired)).toEqual([
    'web-1  High traffic generated an alert - hits = 10.05, triggered at 2019-02-07T21:12:36Z',
  ]);
  const flapping = alertEvent({ id: 'f', message: 'it fires', flappingUntil: '2019-02-07T21:27:36Z' });
  expect(lines.alerts(addEvents(fired, [flapping]))).toEqual(['web-1  it fires  (flapping)']);
});
