import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { openBrowser } from './chromium.js';
import { removeFolder, type ServerProcess, startServerProcess } from './server-process.js';
import type { WebPage } from './web-page.js';

/* A built server with its web page, and a browser. */

let folder: string;
export let server: ServerProcess;
export let browser: Browser;
/** Of the page. */
export let address: string;
/** The operator's. */
export let token: string;
/** Pages that are closed after the test that opened them. */
export const opened: WebPage[] = [];

/** Another server on the same folder, once the one before has stopped. */
export async function serveAgain(options?: Parameters<typeof startServerProcess>[1]): Promise<void> {
  server = await startServerProcess(folder, options);
}

/** One of each for the tests of a block. */
export function servePage(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hlm-web-'));
    await serveAgain();
    address = new URL('/', server.url).href;
    token = readFileSync(join(folder, 'operator-token'), 'utf8').trim();
    browser = await openBrowser();
  }, 180_000);

  afterEach(async () => {
    for (const web of opened.splice(0)) await web.close();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    removeFolder(folder);
  });
}
