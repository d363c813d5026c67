// Goal: what is shown does not depend on the order in which answers and live messages arrive, and the graph draws
// what it was given. Method: the law of merging by property, borders and drawings by example.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addEvents, EMPTY_BOOK, firing, newestFirst, reconcile } from '../../client/model/alerts.js';
import { conditionOf, graphRule, measuredBy, parseThreshold, rulesOf, thresholdOf } from '../../client/model/rules.js';
import {
  dropBefore,
  EMPTY_SERIES,
  inOrder,
  mergeWindows,
  NO_FIGURES,
  recentRates,
  touchedHits,
  type WindowPoint,
  wholeWindowStart,
} from '../../client/model/series.js';
import { columnValues, drawGraph, niceMax, sparkline } from '../../client-tui/model/graph.js';
import { timeframeUpTo } from '../../client-tui/model/timeframes.js';
import { alertEvent, rule } from '../support/tui.js';

const point = (startMs: number, revision: number, hits = revision, complete = false): WindowPoint => ({
  startMs,
  endMs: startMs + 10_000,
  revision,
  complete,
  stats: { ...NO_FIGURES, hits, hitsPerSecond: hits / 10 },
});

describe('series', () => {
  test('a window is replaced by the same or a later revision only', () => {
    const series = mergeWindows(EMPTY_SERIES, [point(0, 5)]);
    expect(inOrder(mergeWindows(series, [point(0, 4)]))).toEqual([point(0, 5)]);
    expect(inOrder(mergeWindows(series, [point(0, 6)]))).toEqual([point(0, 6)]);
    // Emptied by a deletion: less, but later.
    expect(inOrder(mergeWindows(series, [point(0, 7, 0)]))).toEqual([point(0, 7, 0)]);
  });

  test('any order and any repetition of messages gives the same graph', () => {
    const window = fc.record({
      start: fc.integer({ min: 0, max: 5 }),
      revision: fc.integer({ min: 0, max: 6 }),
      complete: fc.boolean(),
    });
    const messages = fc.array(fc.array(window, { maxLength: 8 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.infiniteStream(fc.nat()), (all, order) => {
        // A window of one revision counts the same wherever it comes from.
        const sent = all.map((one) =>
          one.map((each) => point(each.start * 10_000, each.revision, each.revision * 7, each.complete)),
        );
        const shuffled = [...sent, ...sent.slice(0, 2)]
          .map((message) => ({ message, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ message }) => message);
        const merge = (list: WindowPoint[][]) => inOrder(list.reduce(mergeWindows, EMPTY_SERIES));
        expect(merge(shuffled)).toEqual(merge(sent));
      }),
    );
  });

  test('what lies before the graph is dropped, what reaches into it is kept', () => {
    const series = mergeWindows(EMPTY_SERIES, [point(0, 1), point(10_000, 1), point(20_000, 1)]);
    expect(inOrder(dropBefore(series, 15_000)).map(({ startMs }) => startMs)).toEqual([10_000, 20_000]);
  });

  test.each([
    [20_000, 10_000], // the first second of a window
    [28_999, 10_000],
    [29_000, 20_000], // its last second: nothing is left to come
    [29_999, 20_000],
  ])('the newest whole window at %i begins at %i', (atMs, start) => {
    expect(wholeWindowStart(atMs)).toBe(start);
  });

  test('the two minutes touch thirteen windows, twelve where they end with one', () => {
    const series = mergeWindows(
      EMPTY_SERIES,
      Array.from({ length: 30 }, (_, index) => point(index * 10_000, 1, 1)),
    );
    expect(touchedHits(series, 203_500)).toBe(13); // (83, 203]: from window 80 on
    expect(touchedHits(series, 209_999)).toBe(12); // (89, 209]: second 90 is the first
  });

  test('a sparkline shows quiet windows as quiet', () => {
    expect(recentRates(mergeWindows(EMPTY_SERIES, [point(10_000, 30)]), 20_000, 3)).toEqual([0, 3, 0]);
    expect(sparkline([0, 1, 2])).toBe('▁▄█');
    expect(sparkline([0, 0])).toBe('▁▁');
  });

  test('a timeframe ends with the second of the newest event', () => {
    expect(timeframeUpTo(Date.parse('2019-02-07T21:19:00Z'), 600_000)).toEqual({
      from: '2019-02-07T21:09:01.000Z',
      to: '2019-02-07T21:19:01.000Z',
    });
  });
});

describe('graph', () => {
  const bar = (index: number, value: number, filling = false) => ({
    startMs: index * 10,
    endMs: index * 10 + 10,
    value,
    filling,
  });
  const area = { fromMs: 0, toMs: 40, columns: 4, rows: 4, threshold: null };
  const text = (rows: { text: string }[][]) => rows.map((runs) => runs.map((run) => run.text).join(''));

  test('columns in eighths of a row, the highest at the top', () => {
    const drawn = drawGraph([bar(0, 1), bar(1, 2), bar(2, 0), bar(3, 4)], area);
    expect(drawn.max).toBe(4);
    expect(text(drawn.rows)).toEqual(['   █', '   █', ' █ █', '██ █']);
  });

  test('the threshold is a dashed line behind what stands above it', () => {
    const drawn = drawGraph([bar(0, 1), bar(1, 8), bar(2, 0), bar(3, 1)], { ...area, threshold: 4 });
    expect(drawn.max).toBe(8);
    expect(drawn.thresholdRow).toBe(1);
    expect(drawn.rows[1]!.map(({ kind, text: shown }) => [kind, shown])).toEqual([
      ['threshold', '╌'],
      ['crossing', '╌'],
      ['threshold', '╌╌'],
    ]);
    expect(drawn.rows[0]!.map(({ kind }) => kind)).toEqual(['empty', 'high', 'empty']);
  });

  test('a threshold far above the traffic does not flatten it', () => {
    expect(drawGraph([bar(0, 1)], { ...area, threshold: 1_000 })).toMatchObject({ max: 1, thresholdRow: null });
    // Without any traffic it is all there is to see.
    expect(drawGraph([], { ...area, threshold: 10 }).thresholdRow).toBe(0);
  });

  test('what counts anything is seen, however little', () => {
    expect(text(drawGraph([bar(0, 0.001), bar(1, 100)], area).rows)[3]).toBe('▁█  ');
  });

  test('a peak is seen however many points share a column, and points stretch over the width', () => {
    const points = Array.from({ length: 40 }, (_, index) => ({
      ...bar(0, index === 13 ? 9 : 1),
      startMs: index,
      endMs: index + 1,
    }));
    expect(columnValues(points, area).map(({ value }) => value)).toEqual([1, 9, 1, 1]);
    expect(columnValues([bar(0, 1), bar(1, 2)], { ...area, toMs: 20 }).map(({ value }) => value)).toEqual([1, 1, 2, 2]);
  });

  test('rows are as wide and as many as asked, for any points', () => {
    const points = fc.array(fc.record({ at: fc.nat(100), value: fc.double({ min: 0, max: 1e9, noNaN: true }) }));
    fc.assert(
      fc.property(
        points,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
        (all, columns, rows, threshold) => {
          const drawn = drawGraph(
            all.map(({ at, value }) => bar(at, value)),
            { fromMs: 0, toMs: 600, columns, rows, threshold },
          );
          expect(drawn.rows).toHaveLength(rows);
          for (const row of text(drawn.rows)) expect(row).toHaveLength(columns);
        },
      ),
    );
  });

  test.each([
    [0, 1],
    [0.7, 0.8],
    [10, 10],
    [11.5, 12],
    [31, 40],
    [999, 1_000],
  ])('an axis for %d ends at %d', (value, max) => {
    expect(niceMax(value)).toBe(max);
  });
});

describe('alerts', () => {
  const fired = alertEvent({ id: 'e1', type: 'TRIGGERED', at: '2019-02-07T21:12:36Z' });
  const ended = alertEvent({ id: 'e2', type: 'RECOVERED', at: '2019-02-07T21:14:03Z', startedBy: { id: 'e1' } });

  test('what has ended does not fire, whichever comes first', () => {
    for (const order of [
      [fired, ended],
      [ended, fired],
    ]) {
      const book = order.reduce((held, event) => addEvents(held, [event]), EMPTY_BOOK);
      expect(firing(book)).toEqual([]);
      expect(newestFirst(book).map(({ id }) => id)).toEqual(['e2', 'e1']);
    }
  });

  test('an event that comes twice counts once', () => {
    const book = addEvents(EMPTY_BOOK, [fired]);
    expect(addEvents(book, [fired])).toBe(book);
  });

  test("the server's list of what fires ends what it no longer names, save what came since it was asked", () => {
    const later = alertEvent({ id: 'e3', type: 'TRIGGERED', at: '2019-02-07T21:20:00Z' });
    const book = addEvents(EMPTY_BOOK, [fired, later]);
    expect(firing(reconcile(book, [], new Set(['e1'])))).toEqual([later]);
    expect(firing(reconcile(book, [fired, later], new Set(['e1'])))).toHaveLength(2);
  });

  test('a server without data fires until it is heard of again', () => {
    const silent = alertEvent({ id: 's', type: 'NO_DATA' });
    const book = addEvents(EMPTY_BOOK, [silent]);
    expect(firing(book)).toEqual([silent]);
    const again = alertEvent({ id: 'a', type: 'RECOVERED', startedBy: { id: 's' } });
    expect(firing(addEvents(book, [again]))).toEqual([]);
  });

  test('memory is bounded, and what fires is never forgotten', () => {
    const old = alertEvent({ id: 'old', type: 'TRIGGERED', at: '2000-01-01T00:00:00Z' });
    const many = Array.from({ length: 3_000 }, (_, index) =>
      alertEvent({ id: `m${index}`, type: 'CLOSED', at: new Date(1.5e12 + index * 1_000).toISOString() }),
    );
    const book = addEvents(addEvents(EMPTY_BOOK, [old]), many);
    expect(book.events.size).toBeLessThan(1_100);
    expect(firing(book)).toEqual([old]);
  });
});

describe('rules', () => {
  const traffic = rule({});
  const errors = rule({ id: 'r2', name: 'Errors', metric: 'ERROR_RATE', threshold: 0.2 });
  const slow = rule({ id: 'r4', name: 'Slow', metric: 'DURATION_P95', threshold: 250 });
  const elsewhere = rule({ id: 'r3', agentIds: ['other'], threshold: 1 });

  test("the graph has the default rule's threshold, if it watches the server", () => {
    expect(graphRule([errors, elsewhere, traffic], 'a1')).toBe(traffic);
    expect(graphRule([errors, elsewhere], 'a1')).toBeUndefined();
    expect(graphRule([rule({ enabled: false })], 'a1')).toBeUndefined();
    expect(rulesOf([errors, elsewhere, traffic], 'a1')).toEqual([traffic, errors]);
    expect(conditionOf(traffic)).toBe('hits/s over 2 min > 10');
    expect(conditionOf(slow)).toBe('p95 response time over 2 min > 250 ms');
    expect(thresholdOf(slow)).toBe('250 ms');
  });

  test('what was measured is told in its unit, as far as the metric is known', () => {
    const measured = { value: 312.5, threshold: 250 };
    expect(measuredBy('DURATION_P95', measured)).toEqual(['312.5 ms', '250 ms']);
    expect(measuredBy('ERROR_RATE', { value: 0.25, threshold: 0.2 })).toEqual(['25% errors', '20%']);
    expect(measuredBy(null, measured)).toEqual(['312.5', '250']);
  });

  test('the threshold of a filtered rule is not drawn over all hits, and its condition says of what it is', () => {
    const all = { statusMin: null, statusMax: null, method: null, path: null, section: null, host: null, search: null };
    const filtered = rule({ name: 'a', filter: { ...all, path: '/login', statusMin: 400, method: 'POST' } });
    expect(graphRule([filtered], 'a1')).toBeUndefined();
    expect(graphRule([filtered, rule({ id: 'plain' })], 'a1')?.id).toBe('plain');
    expect(conditionOf(filtered)).toBe('hits/s of POST, /login, status ≥ 400 over 2 min > 10');
    const one = rule({ filter: { ...all, statusMin: 404, statusMax: 404, section: '/a\u001b[31m' } });
    expect(conditionOf(one)).toMatch(/^hits\/s of section \/a[^\u001b]*, status 404 over 2 min > 10$/);
  });

  test.each([
    ['12.5', 12.5],
    [' 8,45 ', 8.45],
    ['0', 0],
    ['.5', 0.5],
    ['12.', 12],
    ['1e3', 1_000],
  ])('"%s" is a threshold', (typed, value) => {
    expect(parseThreshold(typed)).toEqual({ value });
  });

  test.each(['', ' ', '-1', 'x', '0x10', 'Infinity', '1e999', '1 2'])('"%s" is none, and it is said why', (typed) => {
    expect(parseThreshold(typed)).toEqual({ problem: expect.stringMatching(/number|large/) });
  });
});
