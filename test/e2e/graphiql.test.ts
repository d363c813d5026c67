// Goal: a browser's visit to /graphql is enough to use the API, under a strict policy, without the internet, and the
// token leaves no trace.
// Method: the built page from a real server in a real browser; whatever the page complains of or asks elsewhere fails.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { EXAMPLES } from '../../graphiql/examples.js';
import { chromiumPath, openBrowser } from '../support/chromium.js';
import { hlm, type RunningCommand } from '../support/command.js';

if (chromiumPath === undefined) process.stderr.write('graphiql.test.ts: skipped, for no Chromium was found\n');

(chromiumPath === undefined ? describe.skip : describe)('GraphiQL in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-graphiql-'));
  let server: RunningCommand;
  let browser: Browser;
  let page: Page;
  let url: string;
  let token: string;
  /** What the page said on the console, or asked of others. */
  let complaints: string[];

  beforeAll(async () => {
    server = hlm(['server', '--data', folder, '--port', '0'], { withinMs: 300_000 });
    while (!server.output.stdout.includes('listening on ')) {
      if (server.child.exitCode !== null) throw new Error(server.output.stderr);
      await sleep(50);
    }
    url = server.output.stdout.trim().replace('listening on ', '');
    token = readFileSync(join(folder, 'operator-token'), 'utf8').trim();
    browser = await openBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server.child.kill('SIGTERM');
    await server.finished;
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    const context = await browser.newContext();
    page = await context.newPage();
    complaints = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin) {
        complaints.push(`asked ${request.url()}`);
      }
    });
  });

  const standing = () => page.locator('.token-bar output');
  const answer = () => page.locator('.result-window');

  async function runExample(title: string): Promise<void> {
    const example = page.getByRole('button', { name: title, exact: true });
    if (!(await example.isVisible())) await page.getByRole('button', { name: 'Show Examples' }).click();
    await example.click();
    const [begins] = EXAMPLES.find((one) => one.title === title)!.query.split('\n');
    await expectText(page.locator('.graphiql-query-editor'), begins);
    await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
  }

  async function expectText(locator: ReturnType<typeof answer>, text: string): Promise<void> {
    await locator.filter({ hasText: text }).first().waitFor({ timeout: 45_000 });
  }

  test('the link with a token signs in; the token is not left in address or history', async () => {
    await page.goto(`${url}#token=${token}`);
    await expectText(standing(), 'OPERATOR of default');
    expect(page.url()).toBe(url);
    expect(await page.content()).not.toContain(token);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(token);
    await page.reload();
    await expectText(standing(), 'OPERATOR of default');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('without a token the page says so; the field takes one, and says when it is wrong', async () => {
    await page.goto(url);
    await expectText(standing(), 'no token yet');
    await page.getByLabel('Token').fill('not-a-token');
    await page.getByLabel('Token').press('Enter');
    await standing()
      .filter({ hasNotText: /no token yet|…|OPERATOR/ })
      .waitFor({ timeout: 45_000 });
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Use' }).click();
    await expectText(standing(), 'OPERATOR of default');
    await page.context().close();
  });

  test('a line sent by hand shows in the live windows, in alerts and in the series', async () => {
    await page.goto(`${url}#token=${token}`);
    await expectText(standing(), 'OPERATOR of default');
    await runExample('Live windows');
    await expectText(answer(), '"liveWindows": []');
    await page.getByRole('button', { name: 'Stop query (Ctrl-Enter)' }).click();
    await runExample('Send a line');
    await expectText(answer(), '"outcome": "APPENDED"');
    await runExample('Live windows');
    await expectText(answer(), '"key": "/api"');
    await page.getByRole('button', { name: 'Stop query (Ctrl-Enter)' }).click();
    await runExample('The last hour');
    await expectText(answer(), '"hits": 1');
    await runExample('Alerts firing now');
    await expectText(answer(), '"name": "High traffic"');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('an example that is asked for before the editors are there is in them once they are', async () => {
    await page.route(/\/codemirror-/, async (route) => {
      await sleep(1_000);
      await route.continue();
    });
    await page.goto(`${url}#token=${token}`);
    await runExample('Live windows');
    await expectText(answer(), '"liveWindows":');
    await page.context().close();
  });

  test('a subscription that is stopped ends at once, though nothing comes', async () => {
    const sent: string[] = [];
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => sent.push(JSON.parse(payload.toString()).type)),
    );
    await page.goto(`${url}#token=${token}`);
    await expectText(standing(), 'OPERATOR of default');
    await runExample('Live windows');
    await expectText(answer(), '"liveWindows":');
    expect(sent).not.toContain('complete');
    await page.getByRole('button', { name: 'Stop query (Ctrl-Enter)' }).click();
    await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).waitFor();
    for (let tries = 0; tries < 100 && !sent.includes('complete'); tries++) await page.waitForTimeout(100);
    expect(sent).toContain('complete');
    await page.context().close();
  });

  test('a live answer grows while lines come', async () => {
    await page.goto(`${url}#token=${token}`);
    await expectText(standing(), 'OPERATOR of default');
    await runExample('Live windows');
    await expectText(answer(), '"name": "by-hand"');
    const send = `mutation { ingestLogs(input: { agent: "another", entries: [
      { time: "${new Date().toISOString()}", host: "h", method: "GET", path: "/x/y", status: 200 } ] }) { accepted } }`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: send }),
    });
    expect(await response.json()).toEqual({ data: { ingestLogs: { accepted: 1 } } });
    await expectText(answer(), '"name": "another"');
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
