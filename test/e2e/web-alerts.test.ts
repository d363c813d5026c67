// Goal: who leaves the web page open misses no alert and is told none twice, on the page and on the desktop, whatever
// happens to the server; history is shown, and tells the desktop nothing.
// Method: the built page from a real server in a real browser, with real notifications; alerts fire while it watches.
import { describe, expect, test } from '@jest/globals';
import { chromiumPath } from '../support/chromium.js';
import { address, browser, opened, serveAgain, servePage, server, token } from '../support/served-page.js';
import { alertEvents, createRule, endAgent, nowSecond, sendDirect } from '../support/sources.js';
import { WebPage } from '../support/web-page.js';

if (chromiumPath === undefined) process.stderr.write('web-alerts.test.ts: skipped, for no Chromium was found\n');

const OVER_AN_HOUR = { window: 'PT1H', threshold: 0.001 };
/** What a browser says by itself of a server that is away. */
const AWAY = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket|503/;

(chromiumPath === undefined ? describe.skip : describe)('alerts on the web page', () => {
  servePage();

  /** A page that is signed in, and lets its user be notified. */
  async function open(): Promise<WebPage> {
    const web = await WebPage.open(browser, `${address}#token=${token}`, { granted: true });
    opened.push(web);
    await web.live();
    await web.button('Notify me here').click();
    await web.button('Turn off').waitFor();
    return web;
  }

  /** A rule over one agent, which begins with an entry at `from`. */
  async function watch(agent: string, rule: object, from = nowSecond() - 60): Promise<string> {
    await sendDirect(server, agent, { at: from, hits: 1 });
    const { data } = await server.gql('query ($name: String) { agents(search: $name) { nodes { id } } }', {
      name: agent,
    });
    return createRule(server, { agentIds: [data.agents.nodes[0].id], threshold: 1, ...rule });
  }

  /** Traffic of now: what it fires over an hour fires on. */
  async function fire(agent: string): Promise<void> {
    const at = nowSecond() - 10;
    await sendDirect(server, agent, { at, hits: 40 }, { at: at + 6, hits: 1 });
  }

  test('an alert that fires while the page is open is shown and notified, as is its end; a click opens it', async () => {
    await watch('shop', { name: 'Rush' });
    const web = await open();
    await fire('shop');
    await web.sees(web.section('Firing now'), /Rush.*shop.*4\.00 hits\/s against 1/s);
    const [fired] = await web.untilNotes(1);
    expect(fired).toMatchObject({ title: '▲ shop: Rush', body: expect.stringContaining('Rush generated an alert') });
    await endAgent(server, 'shop');
    const [, ended] = await web.untilNotes(2);
    expect(ended).toMatchObject({ title: '▼ shop: Rush', body: expect.stringContaining('Rush recovered') });
    await web.sees(web.section('Firing now'), 'Nothing fires');
    const [first, second] = (await alertEvents(server)).filter(({ ruleName }) => ruleName === 'Rush');
    expect([fired!.tag, ended!.tag]).toEqual([first!.id, second!.id]);

    await web.clickNote(0);
    await web.sees(web.dialog, 'Rush generated an alert');
    await web.sees(web.dialog.locator('.lines li'), 'GET /api/user');
    expect(web.page.url()).toBe(`${address}#alert=${first!.id}`);
    await web.clickNote(1);
    await web.sees(web.dialog, 'Rush recovered');
    await web.dialog.getByRole('link', { name: /the alert of/ }).click();
    await web.sees(web.dialog, 'Rush generated an alert');
    await web.page.goBack();
    await web.sees(web.dialog, 'Rush recovered');
    await web.dialog.getByRole('button', { name: 'Close' }).click();
    await web.dialog.waitFor({ state: 'detached' });
    await web.page.waitForURL(address);
    expect(web.complaints).toEqual([]);
  });

  test('history is shown, further back at a click, and tells the desktop nothing', async () => {
    const web = await open();
    const begin = Date.UTC(2019, 1, 7) / 1_000;
    await watch('old', { name: 'Long ago' }, begin - 60);
    const bursts = Array.from({ length: 40 }, (_, index) => ({ at: begin + index * 60, hits: 30 }));
    await sendDirect(server, 'old', ...bursts);
    await endAgent(server, 'old');
    const old = async () => (await web.events()).filter((message) => message.startsWith('Long ago'));
    const told = await untilSame(old, (found) => found.length >= 80);
    expect(new Set(told).size).toBe(80);
    // Something of now comes after them, so that they would have been shown by then.
    await watch('after', { name: 'Now', ...OVER_AN_HOUR });
    await fire('after');
    await web.untilNotes(1);
    expect((await web.notes()).map(({ title }) => title)).toEqual(['▲ after: Now']);

    await web.page.reload();
    await web.live();
    await web.sees(web.section('Events'), 'Long ago');
    expect((await old()).length).toBeLessThan(50);
    await web.button('Older').click();
    expect(await untilSame(old, (found) => found.length >= 80)).toEqual(told);
    expect(await web.notes()).toEqual([]);
    // It stays switched on.
    await web.button('Turn off').waitFor();
    expect(web.complaints).toEqual([]);
  });

  test('switched off, the desktop is told nothing', async () => {
    await watch('quiet', { name: 'Unheard', ...OVER_AN_HOUR });
    await watch('loud', { name: 'Heard', ...OVER_AN_HOUR });
    const web = await open();
    await web.button('Turn off').click();
    await fire('quiet');
    await web.sees(web.section('Firing now'), 'Unheard');
    await web.button('Notify me here').click();
    await fire('loud');
    await web.untilNotes(1);
    expect((await web.notes()).map(({ title }) => title)).toEqual(['▲ loud: Heard']);
  });

  test('an alert is acknowledged, on all pages', async () => {
    await watch('ill', { name: 'Fever', ...OVER_AN_HOUR, severity: 'CRITICAL' });
    await fire('ill');
    const [web, other] = [await open(), await open()];
    const card = web.section('Firing now').locator('.alert').filter({ hasText: 'Fever' });
    await card.getByRole('button', { name: 'Acknowledge' }).click();
    await web.sees(card, 'acknowledged');
    expect(await card.getByRole('button').count()).toBe(0);
    const [event] = (await alertEvents(server)).filter(({ ruleName }) => ruleName === 'Fever');
    const { data } = await server.gql('query ($id: ID!) { alertEvent(id: $id) { acknowledgedAt } }', { id: event!.id });
    expect(data.alertEvent.acknowledgedAt).not.toBeNull();
    await other.sees(other.section('Firing now').locator('.alert').filter({ hasText: 'Fever' }), 'acknowledged');
    expect([...web.complaints, ...other.complaints]).toEqual([]);
  });

  test('what happened while the server was away is shown and notified once it is back, once', async () => {
    for (const name of ['one', 'two', 'three']) await watch(name, { name: `Outage ${name}`, ...OVER_AN_HOUR });
    const web = await open();
    await fire('one');
    await web.untilNotes(1);
    const { port } = new URL(address);
    await server.stop();
    await web.sees(web.page.locator('.connection'), 'reconnecting');
    // Somewhere else for a while, where the page does not find it.
    await serveAgain();
    await fire('two');
    await server.stop();
    await serveAgain({ args: ['--port', port] });
    await web.live();
    await web.untilNotes(2);
    await fire('three');
    await web.untilNotes(3);
    expect((await web.notes()).map(({ title }) => title)).toEqual([
      '▲ one: Outage one',
      '▲ two: Outage two',
      '▲ three: Outage three',
    ]);
    const shown = (await web.events()).filter((message) => message.startsWith('Outage'));
    expect(shown.map((message) => /Outage \w+/.exec(message)![0]).sort()).toEqual([
      'Outage one',
      'Outage three',
      'Outage two',
    ]);
    expect(web.complaints.filter((complaint) => !AWAY.test(complaint))).toEqual([]);
  }, 180_000);
});

/** What `look` finds once it is as wanted. */
async function untilSame<Found>(look: () => Promise<Found>, isWanted: (found: Found) => boolean): Promise<Found> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (isWanted(found)) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited in vain, at last for ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
