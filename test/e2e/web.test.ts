// Goal: the web page signs in and out, tells what is wrong with a token, shows a role what it may do and text as text, at
// whatever path it is served, under a strict policy; the token leaves no trace.
// Method: the built page from a real server in a real browser; whatever the page complains of or asks elsewhere fails.
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { chromiumPath } from '../support/chromium.js';
import { address, browser, opened, servePage, server, token } from '../support/served-page.js';
import { createRule, nowSecond, sendDirect } from '../support/sources.js';
import { WebPage } from '../support/web-page.js';

if (chromiumPath === undefined) process.stderr.write('web.test.ts: skipped, for no Chromium was found\n');

const HOSTILE = '<img src=x onerror="document.title=1">\u202e</script><b>bold</b>';
const SHOWN = '<img src=x onerror="document.title=1"></script><b>bold</b>';

(chromiumPath === undefined ? describe.skip : describe)('the web page', () => {
  servePage();

  async function open(at = address): Promise<WebPage> {
    const web = await WebPage.open(browser, at);
    opened.push(web);
    return web;
  }

  async function tokenOf(role: string): Promise<{ id: string; secret: string }> {
    const made = await server.gql(
      'mutation ($input: TokenInput!) { createToken(input: $input) { secret token { id } } }',
      { input: { name: role, role } },
    );
    expect(made.errors).toBeUndefined();
    const { secret, token: row } = made.data.createToken;
    return { id: row.id, secret };
  }

  test('the link with a token signs in, and stays signed in; the token is not left in the address, the page or for other tabs', async () => {
    const web = await open(`${address}#token=${token}`);
    await web.live();
    expect(web.page.url()).toBe(address);
    expect(await web.page.content()).not.toContain(token);
    expect(await web.page.evaluate('JSON.stringify(localStorage)')).not.toContain(token);
    // What to do where there is nothing yet.
    await web.sees(web.section('Servers'), 'npm run agent');
    await web.sees(web.section('Events'), 'High traffic fires at hits/s over 2 min > 10');
    await web.page.reload();
    await web.live();
    const other = await WebPage.within(web.context, address);
    await other.button('Sign in').waitFor();
    await web.button('Sign out').click();
    await web.button('Sign in').waitFor();
    await web.page.reload();
    await web.button('Sign in').waitFor();
    expect([...web.complaints, ...other.complaints]).toEqual([]);
  });

  test('a link to an event may bring the token too', async () => {
    const web = await open(`${address}#token=${token}&alert=11111111-2222-4333-8444-555555555555`);
    await web.sees(web.dialog, 'There is no such event any more.');
    expect(web.page.url()).toBe(`${address}#alert=11111111-2222-4333-8444-555555555555`);
    await web.page.keyboard.press('Escape');
    await web.dialog.waitFor({ state: 'detached' });
    await web.page.waitForURL(address);
    expect(web.complaints).toEqual([]);
  });

  test('a wrong token is told at the form, which takes the right one, for the device if one likes', async () => {
    const web = await open(`${address}#token=hlm_viewer_wrong`);
    const alert = web.page.getByRole('alert');
    await web.sees(alert, 'does not accept this token');
    expect(web.page.url()).toBe(address);
    await web.signIn((await tokenOf('AGENT')).secret);
    await web.sees(alert, 'may only send entries');
    await web.page.getByLabel('Keep me signed in on this device').check();
    await web.signIn(token);
    await web.live();
    const other = await WebPage.within(web.context, address);
    await other.live();
    await other.button('Sign out').click();
    await web.page.reload();
    await web.button('Sign in').waitFor();
  });

  test('a token that is revoked while it is used', async () => {
    const { id, secret } = await tokenOf('VIEWER');
    const web = await open(`${address}#token=${secret}`);
    await web.live();
    await server.gql('mutation ($id: ID!) { revokeToken(id: $id) }', { id });
    await web.sees(web.page.getByRole('alert'), 'revoked or expired');
  });

  test('text of others is text; a viewer sees all of it, and has nothing to acknowledge with', async () => {
    await createRule(server, { name: `Rule ${HOSTILE}`, threshold: 0, window: 'PT1H', severity: 'CRITICAL' });
    const at = nowSecond() - 10;
    await sendDirect(server, `Agent ${HOSTILE}`, { at, hits: 3, path: `/${HOSTILE}` }, { at: at + 6, hits: 1 });
    const { secret } = await tokenOf('VIEWER');
    const web = await open(`${address}#token=${secret}`);
    const firing = web.section('Firing now');
    await web.sees(firing.getByRole('link'), `Rule ${SHOWN}`);
    await web.sees(firing, `Agent ${SHOWN}`);
    await web.sees(web.section('Servers'), `Agent ${SHOWN}`);
    await firing.getByRole('link').first().click();
    await web.sees(web.dialog, `Rule ${SHOWN} generated an alert`);
    await web.sees(web.dialog.locator('.lines li'), `GET /${SHOWN}`);
    expect(await web.button('Acknowledge').count()).toBe(0);
    expect(await web.page.locator('img, b, script:not([src])').count()).toBe(0);
    expect(await web.page.title()).toBe('(1) Alerts · HTTP Logs Monitor');
    expect(web.complaints).toEqual([]);
  });

  test('notifications are asked for at a click only; a browser that refuses them is named', async () => {
    const web = await open();
    await web.context.addInitScript(`
      window.asked = 0;
      let permission = 'default';
      Object.defineProperty(window.Notification, 'permission', { get: () => permission });
      window.Notification.requestPermission = async () => { window.asked += 1; return (permission = 'denied'); };`);
    await web.page.goto(`${address}?1#token=${token}`);
    await web.live();
    expect(await web.page.evaluate('window.asked')).toBe(0);
    await web.button('Notify me here').click();
    await web.sees(web.section('Notifications'), 'This browser refuses notifications from this page');
    expect(await web.page.evaluate('window.asked')).toBe(1);
    await web.button('Notify me here').waitFor({ state: 'detached' });
  });

  test('served below a path by another server, all of it works', async () => {
    const { port } = new URL(server.url);
    const target = ({ url, method, headers }: IncomingMessage) => {
      const path = url!.replace(/^\/logs/, '');
      return { port, path, method, headers };
    };
    const proxy = createServer((incoming, answer) => {
      const onward = forward(target(incoming), (given) => {
        answer.writeHead(given.statusCode!, given.headers);
        given.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      incoming.pipe(onward);
    });
    proxy.on('upgrade', (incoming, socket) => {
      const { path, headers } = target(incoming);
      const onward = connect(Number(port), '127.0.0.1', () => {
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
        onward.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) end.on('error', () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/logs/`;
    const web = await open(`${at}#token=${token}`);
    await web.live();
    expect(web.page.url()).toBe(at);
    expect(web.complaints).toEqual([]);
    await web.close();
    opened.length = 0;
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
});
