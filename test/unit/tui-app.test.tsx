// Goal: every key does what the help says, pages show what the server sent, at any size. Method: the whole app over
// data that stands still, driven by keys, read as a user reads it.
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import stringWidth from 'string-width';
import { addEvents } from '../../client/model/alerts.js';
import { agentCard, alertEvent, rule } from '../support/tui.js';
import { type AppOptions, openApp } from '../support/tui-app.js';

const ENTER = '\r';
const ESC = '\u001b';
const DOWN = '\u001b[B';
const TAB = '\t';
const SHIFT_TAB = '\u001b[Z';

let app: Awaited<ReturnType<typeof openApp>>;
const open = async (options?: AppOptions) => {
  app = await openApp(options);
  return app;
};
afterEach(() => app.close());

describe('list of servers', () => {
  test('each server with status, rates, errors, newest event and alerts, by name', async () => {
    const { lines } = await open();
    const rows = lines().filter((line) => /web-\d+ +[●◐○]/.test(line));
    expect(rows.map((row) => row.replaceAll(/[│▌]/g, '').trim().replaceAll(/ +/g, ' '))).toEqual([
      '1 web-1 ● LIVE 10.00 ████████████ 10.00 0% 2.0% just now none',
      '2 web-2 ◐ IDLE 20.00 ████████████ 20.00 0% 2.0% just now ▲ 1 now',
      '3 web-10 ○ OFFLINE 30.00 ████████████ 30.00 0% 2.0% just now none',
    ]);
  });

  test('arrows and letters choose, Enter opens, Esc comes back to the same place', async () => {
    const { press, lines } = await open();
    await press(DOWN);
    expect(lines().find((line) => line.includes('▌'))).toContain('web-2');
    await press('j', 'j', 'k', ENTER);
    expect(lines()[1]).toContain('web-2 · ◐ IDLE');
    await press(ESC);
    await app.see('Servers · 3');
    expect(lines().find((line) => line.includes('▌'))).toContain('web-2');
  });

  test('a search narrows the list as it is typed, and Esc ends it', async () => {
    const { press } = await open();
    await press('/', '1', '0');
    await app.see('1 with "10"');
    await press('q'); // a letter, not the key that quits
    await app.see('no server has that in its name');
    await press('\u007f', ENTER, ENTER);
    await app.see('web-10 · ○ OFFLINE');
    await press(ESC, ESC);
    await app.see('Servers · 3');
  });

  test('keys that arrive at once each count', async () => {
    const { press, lines } = await open();
    await press('jj');
    expect(lines().find((line) => line.includes('▌'))).toContain('web-10');
  });

  test('without servers it says how to get one', async () => {
    await open({ servers: [] });
    await app.see('No servers yet');
    await app.see('hlm agent');
  });
});

describe("a server's page", () => {
  test('figures of 10 s and 2 min, tops, and alerts in the words of the server', async () => {
    const { press, lines } = await open();
    await press('1');
    await app.see(/since 21:19:00 +50 /);
    const figure = (label: string) =>
      lines()
        .find((line) => line.includes(label))
        ?.replaceAll(/[│ ]+/g, ' ')
        .trim();
    expect(figure('since 21:19:00')).toBe('since 21:19:00 50 12.50 12.5 kB 2.0% 0 49 0 0 1 0');
    expect(figure('last 10 s')).toBe('last 10 s, to 21:19:00 100 10.00 10 kB 2.0% 0 98 0 0 2 0');
    expect(figure('last 2 min,')).toBe('last 2 min, to 21:19:03 1,200 10.00 10 kB 2.0% 0 1,176 0 0 24 0');
    await app.see(/\/api +600 +48% +1/);
    await app.see('Hosts (3)');
    await app.see('╌╌ High traffic: hits/s over 2 min > 10');
    await app.see('▲ fired   High traffic generated an alert - hits = 10.05, triggered at 2019-02-07T21:12:36Z');
    await app.see('▼ ended   High traffic recovered - hits = 9.98, recovered at 2019-02-07T21:14:03Z');
    await app.see('none firing · history of 2');
  });

  test('what fires stands first, and marks the tab', async () => {
    const { press, lines } = await open();
    await press('2');
    await app.see('Alerts · 1 firing');
    await app.see(' FIRING   High traffic generated an alert - hits = 12.00, triggered at 2019-02-07T21:18:00Z');
    expect(lines()[0]).toContain('2 web-2 ▲');
  });

  test('what flaps is marked, until it has settled', async () => {
    const flapping = alertEvent({
      id: 'e4',
      at: '2019-02-07T21:18:30Z',
      flappingUntil: '2019-02-07T21:33:30Z',
      message: 'Errors generated an alert',
    });
    for (const [nowMs, shown] of [
      [Date.parse('2019-02-07T21:33:29Z'), ' FIRING   flapping · Errors generated an alert'],
      [Date.parse('2019-02-07T21:33:30Z'), ' FIRING   Errors generated an alert'],
    ] as const) {
      const { press, alerts, close } = await open({ nowMs });
      alerts.update((held) => ({ ...held, book: addEvents(held.book, [flapping]) }));
      await press('1');
      await app.see(shown);
      close();
    }
  });

  test('numbers, Tab and arrows go from server to server, round and round', async () => {
    const { press, lines } = await open();
    const title = () => lines()[1]?.split(' ')[1];
    await press('3');
    expect(title()).toBe('web-10');
    await press(TAB);
    expect(title()).toBe('web-1');
    await press(SHIFT_TAB);
    expect(title()).toBe('web-10');
    await press('2');
    expect(title()).toBe('web-2');
    await press('9'); // nobody has that number
    expect(title()).toBe('web-2');
  });

  test('brackets change the timeframe, w what the tables cover', async () => {
    const { press } = await open();
    await press('1', ']', ']');
    await app.see('Hits per second · 6 h');
    await press(']', ']', ']');
    await app.see('Hits per second · 24 h');
    await press('[', '[', '[');
    await app.see('Hits per second · 10 min');
    await press('w');
    await app.see('Sections · last 10 s');
    await press('w');
    await app.see('Sections · 10 min');
  });

  test('an old newest event is said to be old; a new one is not', async () => {
    const { press, close } = await open({ nowMs: Date.parse('2026-03-01T00:00:00Z') });
    await press('1');
    await app.see('newest event 2019-02-07 21:19:03Z, 7 y ago');
    await app.see('2019-02-07 21:09');
    close();
    await open();
    await app.press('1');
    await app.see('newest event 21:19:03Z ');
  });

  test('one named at the start opens as soon as it is there', async () => {
    const { lines, fleet, settle } = await open({ agentName: 'late' });
    await app.see('waiting for a server named late');
    fleet.update((held) => ({
      ...held,
      agents: new Map(held.agents).set('a9', agentCard({ id: 'a9', name: 'late' })),
    }));
    await settle();
    expect(lines()[1]).toContain('late · ● LIVE');
  });

  test('one that is gone leads back to the list', async () => {
    const { press, fleet, settle } = await open();
    await press('1');
    fleet.update((held) => ({ ...held, agents: new Map([...held.agents].slice(1)) }));
    await settle();
    await app.see('Servers · 2');
  });
});

describe('threshold', () => {
  test('a number is typed, saved, and said to be saved', async () => {
    const setThreshold = jest.fn(async (_id: string, threshold: number) => rule({ threshold }));
    const { press } = await open({ setThreshold });
    await press('1', 't', '1', '2', '.', '5');
    await app.see('hits/s over 2 min > 12.5');
    await press(ENTER);
    expect(setThreshold).toHaveBeenCalledWith('r1', 12.5);
    await app.see('High traffic: the threshold is 12.5 now');
  });

  test('what is no number never leaves the client', async () => {
    const setThreshold = jest.fn(async () => rule());
    const { press } = await open({ setThreshold });
    await press('1', 't', 'x', ENTER);
    await app.see('"x" is no threshold; expected a number of at least 0, such as 12.5');
    await press(ESC);
    await app.see('Alerts');
    expect(setThreshold).not.toHaveBeenCalled();
  });

  test("the server's own objection is shown, and can be answered", async () => {
    const setThreshold = async () => {
      throw new Error('threshold: 1e9 is out of range');
    };
    const { press } = await open({ setThreshold });
    await press('1', 't', '9', ENTER);
    await app.see('threshold: 1e9 is out of range');
    await app.see('hits/s over 2 min > 9');
  });
});

describe('frame', () => {
  test('the help shows every key of the page it was called from, and any of its keys closes it', async () => {
    const { press } = await open();
    await press('1', '?');
    for (const known of ["A server's page", 'set an alert rule', 'Everywhere', 'quit']) await app.see(known);
    await press('?');
    await app.see('web-1 · ● LIVE');
  });

  test('a lost connection is said with the time of the next attempt, and the data stays', async () => {
    const { link, settle } = await open();
    link.set({ kind: 'lost', reason: 'connection reset', retryAtMs: Date.parse('2019-02-07T21:19:07Z') });
    await settle();
    await app.see('connection lost, retrying in 3 s');
    await app.see('web-10');
    link.set({ kind: 'connected', sinceMs: Date.parse('2019-02-07T21:19:04Z'), again: true });
    await settle();
    await app.see('connected again');
  });

  test('at every size each line fits, and no more lines than there are', async () => {
    const { press, resize, lines, text } = await open();
    await press('1');
    for (const page of ['server', 'help', 'servers']) {
      if (page === 'help') await press('?');
      if (page === 'servers') await press(ESC, ESC);
      for (const columns of [60, 80, 99, 160]) {
        for (const rows of [16, 24, 30, 50]) {
          await resize({ columns, rows });
          expect({ page, columns, rows, lines: lines().length }).toEqual({ page, columns, rows, lines: rows });
          const widest = Math.max(
            ...text()
              .split('\n')
              .map((line) => stringWidth(line)),
          );
          expect({ page, columns, rows, tooWide: widest > columns }).toEqual({ page, columns, rows, tooWide: false });
        }
      }
    }
    await resize({ columns: 59, rows: 24 });
    await app.see('too small: 59×24, needs 60×16');
  });

  test('what log lines hold is shown as text only', async () => {
    const hostile = agentCard({ name: 'web\u001b[2J\u001b]0;owned\u0007-1\u202e' });
    const { press, text } = await open({ servers: [hostile] });
    await app.see('web-1');
    await press('1');
    await app.see('/report');
    expect(text().replaceAll(/\u001b\[[0-9;]*m/g, '')).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u,
    );
  });
});
