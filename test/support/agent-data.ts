import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of real logs: not part of the repository, some of their licences forbid it. */
const folder = process.env.HLM_SHARED_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

export interface SharedFile {
  path: string;
  there: boolean;
  read(): string;
}

/** A file of real log lines; says so where it is absent, for the tests that need it to be skipped. */
export function sharedFile(name: string): SharedFile {
  const path = join(folder, name);
  const there = existsSync(path);
  if (!there) process.stderr.write(`skipped: ${path} is not there (HLM_SHARED_DATA names the folder)\n`);
  return { path, there, read: () => readFileSync(path, 'utf8') };
}
