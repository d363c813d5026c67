// Goal: a log that is followed shows what came, says what did not, holds still when told to, and is safe in a terminal.
// Method: what is known of a log by example and against sums; the page in the whole app, driven by keys; lines against
// what the agent's own parser reads of them.
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCombined } from '../../agent/parse/combined.js';
import { combinedLine, jsonLine } from '../../client-tui/format/log-line.js';
import { addGap, addTold, EMPTY_TAIL, setPaused, TAIL_ROWS_MAX, type TailBook } from '../../client-tui/model/tail.js';
import { until } from '../support/server.js';
import { tailEntry } from '../support/tui.js';
import { openApp } from '../support/tui-app.js';

const entries = (count: number) => Array.from({ length: count }, (_, i) => tailEntry({ path: `/${i}` }));
const shown = ({ rows }: TailBook) =>
  rows.map((row) => (row.kind === 'entry' ? row.entry.path : row.kind === 'gap' ? 'gap' : `${row.count} left out`));

describe('what is known', () => {
  test('entries in their order, what was left out before them, and where the connection was lost', () => {
    let book = addTold(addGap(EMPTY_TAIL), { entries: entries(2), missed: 3 });
    book = addTold(addGap(addGap(book)), { entries: [], missed: 0 });
    book = addTold(book, { entries: entries(1), missed: 0 });
    expect(shown(book)).toEqual(['3 left out', '/0', '/1', 'gap', '/0']);
    expect(book.leftOut).toBe(3);
  });

  test('held still it shows the same, and then all that came, or how much of it not', () => {
    const before = addTold(EMPTY_TAIL, { entries: entries(1), missed: 0 });
    const held = addTold(setPaused(before, true), { entries: entries(2), missed: 1 });
    expect(shown(held)).toEqual(['/0']);
    expect(shown(setPaused(held, false))).toEqual(['/0', '1 left out', '/0', '/1']);
  });

  test('bounded, however much comes; each entry is shown, scrolled by, or told as left out', () => {
    const step = fc.oneof(
      fc.record({ entries: fc.integer({ min: 0, max: 200 }), missed: fc.constantFrom(0, 5) }),
      fc.constant('pause' as const),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let book = setPaused(EMPTY_TAIL, true);
        let came = 0;
        for (const one of steps.filter((each) => each !== 'pause')) {
          book = addTold(book, { entries: entries(one.entries), missed: one.missed });
          came += one.entries + one.missed;
          expect(book.held?.length).toBeLessThanOrEqual(TAIL_ROWS_MAX);
        }
        const seen = setPaused(book, false).rows;
        const counts = seen.map((row) => (row.kind === 'entry' ? 1 : row.kind === 'leftOut' ? row.count : 0));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(came);
        for (const one of steps) {
          book =
            one === 'pause'
              ? setPaused(book, book.held === null)
              : addTold(book, { ...one, entries: entries(one.entries) });
          expect(book.rows.length).toBeLessThanOrEqual(TAIL_ROWS_MAX);
        }
      }),
    );
  });
});

describe('its page', () => {
  let app: Awaited<ReturnType<typeof openApp>>;
  afterEach(() => app.close());
  const tell = async (count: number, missed = 0) => {
    app.tails[0]?.book.update((held) => addTold(held, { entries: entries(count), missed }));
    await app.settle();
  };

  test('f opens it, lines come in below, what is left out is said, Esc goes back', async () => {
    app = await openApp({ agentName: 'web-1' });
    await app.press('f');
    await app.see('web-1 · log, all lines');
    expect(app.tails.map(({ agentId, filter }) => [agentId, filter])).toEqual([
      ['a1', { statusMin: null, search: null }],
    ]);
    await tell(100, 1_234);
    await app.see(/21:19:03 200 10\.0\.0\.1 +1\.2 kB GET +\/99/);
    await app.see('1,234 left out');
    expect(app.text()).not.toContain(' /9 ');
    await app.press('\u001b');
    await app.see('Hits per second');
    await until(() => app.tails.length === 0, 10_000, 'the tail to be closed');
  });

  test('Space holds it still and says how many wait', async () => {
    app = await openApp({ agentName: 'web-1' });
    await app.press('f');
    await tell(1);
    await app.press(' ');
    await tell(3);
    await app.see('paused, 3 more came');
    expect(app.text()).not.toContain('/2');
    await app.press(' ');
    await app.see('/2');
  });

  test('e and / narrow it, Tab shows the same of the next server', async () => {
    app = await openApp({ agentName: 'web-1' });
    await app.press('f', 'e');
    await app.see('log, status from 400');
    await app.press('/', 'q', 'x', '\u007f', '\r');
    await app.see('log, status from 400, path with "q"');
    await app.press('\t');
    await app.see('web-2 · log, status from 400, path with "q"');
    expect(app.tails.map(({ agentId, filter }) => [agentId, filter])).toEqual([
      ['a2', { statusMin: 400, search: 'q' }],
    ]);
    await app.press('e', 'e', '/', '\u001b');
    await app.see('web-2 · log, all lines');
  });

  test('nothing that a line holds reaches the terminal, and no line is wider than it', async () => {
    app = await openApp({ agentName: 'web-1', columns: 70, rows: 24 });
    await app.press('f');
    const evil = tailEntry({
      path: `/\u001b]0;owned\u0007\u202e${'x'.repeat(300)}`,
      host: '\u001b[31m',
      method: '\u009b2J',
    });
    app.tails[0]?.book.update((held) => addTold(held, { entries: [evil], missed: 0 }));
    await app.see('/xxx');
    expect(app.text()).not.toMatch(/owned|\u202e|\u009b|\u001b/);
    for (const line of app.lines()) expect(line.length).toBeLessThanOrEqual(70);
  });
});

describe('as lines', () => {
  test('Combined Log Format, which the agent reads as the same', () => {
    const entry = tailEntry({
      query: 'page=2',
      user: 'ada',
      referrer: 'https://example.com/',
      userAgent: 'curl "8" \\ x',
    });
    const line = combinedLine(entry);
    expect(line).toBe(
      '10.0.0.1 - ada [07/Feb/2019:21:19:03 +0000] "GET /api/user?page=2 HTTP/1.1" 200 1234 "https://example.com/" "curl \\"8\\" \\\\ x"',
    );
    expect(parseCombined(line)).toMatchObject({ target: '/api/user?page=2', status: 200, bytes: 1_234, user: 'ada' });
    expect(combinedLine(tailEntry({ status: 0 }))).toBe(
      '10.0.0.1 - - [07/Feb/2019:21:19:03 +0000] "GET /api/user HTTP/1.1" - 1234',
    );
  });

  test('JSON tells all of it, and holds nothing that a terminal would obey', () => {
    const evil = tailEntry({ path: '/\u001b[2J\u009b31m\u202e\u{e0041}\u200b"é', userAgent: '\u0085' });
    const line = jsonLine(evil);
    expect(line).not.toMatch(/\p{Cc}|\p{Cf}/u);
    expect(line).toContain('é');
    const { agent, ...rest } = evil;
    expect(JSON.parse(line)).toEqual({ agent: agent.name, ...rest });
    expect(combinedLine(evil)).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });
});
