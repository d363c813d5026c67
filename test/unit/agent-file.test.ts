// Goal: a file that is not what was read before is never read on, whatever was looked at meanwhile.
// Method: a real file, changed between reads as rotation by copying changes it.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FileSource } from '../../agent/source/file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hlm-file-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}\n`).join('');

async function opened(name: string): Promise<FileSource> {
  const handle = await open(name);
  return new FileSource({ handle, name, label: name, old: false, once: false, monotonicMs: () => performance.now() });
}

function taken(source: FileSource): string {
  let text = '';
  for (let line = source.next(); line !== null; line = source.next()) text += `${line.text}\n`;
  return text;
}

test.each([0, 1, 2, 3])('touched %i times, then written anew and longer: it is another file', async (touches) => {
  const name = join(folder, `touched-${touches}.log`);
  writeFileSync(name, rows('first', 200));
  const source = await opened(name);
  try {
    expect(await source.read()).toBe('data');
    expect(taken(source)).toBe(rows('first', 200));
    for (let i = 1; i <= touches; i++) {
      utimesSync(name, i, i);
      expect(await source.read()).toBe('idle');
    }
    writeFileSync(name, rows('other', 300));
    expect(await source.read()).toBe('replaced');
  } finally {
    await source.close();
  }
});

test('reads on over several chunks, and what is appended between them', async () => {
  const name = join(folder, 'grows.log');
  let written = rows('one', 40_000);
  writeFileSync(name, written);
  const source = await opened(name);
  try {
    let text = '';
    for (let round = 0; round < 3; round++) {
      while ((await source.read()) === 'data') text += taken(source);
      expect(text).toBe(written);
      const more = rows(`more ${round}`, 10_000);
      writeFileSync(name, more, { flag: 'a' });
      written += more;
    }
  } finally {
    await source.close();
  }
});
