import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';

const FOLDER = process.env.HLM_SHARED_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** Path of one of the real logs, which are not part of the project; null where they are absent. */
export function sharedData(name: string): string | null {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : null;
}

/** `describe` where the real logs are there; else skipped, with a word of why. */
export function describeWithData(title: string, body: () => void): void {
  if (sharedData('sample_csv.txt') !== null) describe(title, body);
  else describe.skip(`${title} (no real logs in ${FOLDER})`, body);
}
