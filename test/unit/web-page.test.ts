// Goal: the browser's desktop is told of each alert once, as long as its user wants it, and never buried under them; a
// token goes from the address into the tab and nowhere else. Method: the page's parts on a desktop and a tab of the test's.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FrameClock } from '../../client/connection/store.js';
import type { AlertFeed } from '../../client/feeds/alert-feed.js';
import { type Kept, keepToken, readToken, type Tab } from '../../client/token.js';
import { type Desktop, DesktopPush, type Note } from '../../client-web/desktop-push.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { alertEvent } from '../support/tui.js';

class Storage implements Kept {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
  removeItem = (key: string) => void this.items.delete(key);
}

describe('notifications of the browser', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const iso = (ms: number) => new Date(ms).toISOString();
  const event = (id: string, given: Partial<AlertEventCard> = {}) =>
    alertEvent({ id, at: iso(nowMs), recordedAt: iso(nowMs), ...given });

  let kept: Storage;
  let shown: Note[];
  let permission: 'default' | 'granted' | 'denied';
  let answer: 'granted' | 'denied';
  let broken: boolean;
  let tell: (event: AlertEventCard) => void;

  beforeEach(() => {
    jest.useFakeTimers();
    kept = new Storage();
    shown = [];
    permission = 'default';
    answer = 'granted';
    broken = false;
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function pushOver(obstacle: Desktop['obstacle'] = null): DesktopPush {
    const desktop: Desktop = {
      obstacle,
      permission: () => permission,
      ask: async () => (permission = answer),
      show: (note) => {
        if (broken) throw new TypeError('Illegal constructor');
        shown.push(note);
      },
    };
    const push = new DesktopPush(desktop, kept, new FrameClock(() => performance.now(), 0), () => nowMs);
    const onLive = (listener: typeof tell) => {
      tell = listener;
      return () => undefined;
    };
    push.follow({ onLive } as AlertFeed);
    return push;
  }

  /** What comes within half a second is told together. */
  const gathered = () => jest.advanceTimersByTimeAsync(500);

  test('every kind of event of now, each under its own tag; nothing of an old file', async () => {
    await pushOver().turnOn();
    const old = iso(nowMs - 900_000);
    tell(event('old', { at: old }));
    tell(event('a'));
    tell(event('b', { type: 'NO_DATA' }));
    tell(event('c', { type: 'RECOVERED', startedBy: { id: 'a' }, agentName: 'w\u001b]0;x\u0007\u202eeb' }));
    tell(event('d', { type: 'CLOSED' }));
    await gathered();
    expect(shown.map(({ tag, title, eventId }) => [tag, title, eventId])).toEqual([
      ['a', '▲ web-1: High traffic', 'a'],
      ['b', '▲ web-1: High traffic', 'b'],
      ['c', '▼ web: High traffic', 'c'],
      ['d', '▼ web-1: High traffic', 'd'],
    ]);
    expect(shown[0]!.body).toMatch(/^High traffic generated an alert/);
  });

  test('of a flood, five and how many more', async () => {
    await pushOver().turnOn();
    for (let index = 0; index < 40; index += 1) tell(event(`e${index}`));
    await gathered();
    expect(shown.map(({ title }) => title).slice(5)).toEqual(['35 more alerts']);
  });

  test('not before it is switched on, nor after it was switched off in another tab', async () => {
    const push = pushOver();
    permission = 'granted';
    tell(event('before'));
    await gathered();
    tell(event('just before'));
    await push.turnOn();
    tell(event('on'));
    await gathered();
    kept.items.clear();
    tell(event('off'));
    push.look();
    expect(push.state.get()).toBe('off');
    await gathered();
    expect(shown.map(({ tag }) => tag)).toEqual(['on']);
  });

  test('what stands against it is said', async () => {
    expect(pushOver('insecure').state.get()).toBe('insecure');
    expect(pushOver('unsupported').state.get()).toBe('unsupported');
    answer = 'denied';
    const refused = pushOver();
    await refused.turnOn();
    expect(refused.state.get()).toBe('refused');
  });

  test('where the browser shows them to installed pages alone, trying it finds that out', async () => {
    const push = pushOver();
    await push.turnOn();
    expect(push.state.get()).toBe('on');
    broken = true;
    push.try();
    expect(push.state.get()).toBe('unsupported');
  });
});

describe('the token', () => {
  let addresses: string[];
  const tabAt = (hash: string, local = new Storage()): Tab => ({
    location: { hash, pathname: '/logs/', search: '?a=1' },
    history: { replaceState: (_, __, url) => void addresses.push(url) },
    sessionStorage: new Storage(),
    localStorage: local,
  });
  beforeEach(() => {
    addresses = [];
  });

  test.each([
    ['#token=secret', '/logs/?a=1'],
    ['#token=secret&alert=e1', '/logs/?a=1#alert=e1'],
    ['#alert=e1&token=%20secret%20', '/logs/?a=1#alert=e1'],
  ])('%s is taken out of the address', (hash, left) => {
    const tab = tabAt(hash);
    expect(readToken(tab)).toBe('secret');
    expect(addresses).toEqual([left]);
    expect((tab.localStorage as Storage).items.size).toBe(0);
  });

  test('an address without one is left alone', () => {
    expect(readToken(tabAt('#alert=e1'))).toBe('');
    expect(addresses).toEqual([]);
  });

  test('kept for the tab or for the device, forgotten in both', () => {
    const local = new Storage();
    const [one, two] = [tabAt('', local), tabAt('', local)];
    keepToken(one, 'mine');
    expect([readToken(one), readToken(two)]).toEqual(['mine', '']);
    keepToken(one, 'ours', 'device');
    expect([readToken(one), readToken(two)]).toEqual(['ours', 'ours']);
    keepToken(two, '');
    expect([readToken(one), readToken(two)]).toEqual(['', '']);
  });
});
