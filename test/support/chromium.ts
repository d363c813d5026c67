import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  process.env.CHROMIUM_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where a browser is installed; undefined where there is none. */
export const chromiumPath: string | undefined = PLACES.find((path) => path !== '' && existsSync(path));

export function openBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium found: install it, or say where it is in CHROMIUM_PATH');
  // Root may not use the sandbox, and small containers have a small /dev/shm.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  return chromium.launch({ executablePath: chromiumPath, args });
}
