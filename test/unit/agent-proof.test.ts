// Goal: a file is found again by what it holds, never by its name alone; another file is never taken for it.
// Method: what happens to log files (rename, truncation, growth, copies), one example each.
import { expect, test } from '@jest/globals';
import { type Checkpoint, matchCheckpoints } from '../../agent/source/index.js';
import { digestOf, type ProvableFile } from '../../agent/source/proof.js';

function file(name: string, content: string): ProvableFile {
  const bytes = Buffer.from(content);
  return { name, sizeBytes: bytes.length, bytes: async (from, to) => bytes.subarray(from, to) };
}

/** What the server keeps of a stream: opened when the file held `opened`, taken in up to the end of `taken`. */
function checkpoint(id: string, name: string, opened: string, taken: string): Checkpoint {
  const head = digestOf(Buffer.from(opened).subarray(0, 1_024));
  const tail = taken === '' ? null : digestOf(Buffer.from(taken).subarray(-1_024));
  return { id, name, position: Buffer.byteLength(taken), head, tail };
}

const lines = (from: number, to: number) =>
  Array.from(
    { length: to - from },
    (_, i) => `10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /${from + i} HTTP/1.1" 200 5\n`,
  ).join('');
const found = async (files: ProvableFile[], checkpoints: Checkpoint[]) =>
  (await matchCheckpoints(files, checkpoints)).map((match) => match?.id ?? null);

const known = checkpoint('s', '/log', lines(0, 3), lines(0, 40));

test.each([
  ['the same', file('/log', lines(0, 40)), 's'],
  ['grown', file('/log', lines(0, 90)), 's'],
  ['renamed', file('/log.1', lines(0, 50)), 's'],
  ['another one of its name', file('/log', lines(100, 200)), null],
  ['truncated', file('/log', lines(0, 10)), null],
  ['truncated and grown past the position', file('/log', lines(0, 3) + lines(200, 300)), null],
  ['empty', file('/log', ''), null],
  ['the same head, and another file', file('/other', lines(0, 20) + lines(300, 400)), null],
])('%s', async (_what, candidate, wanted) => expect(await found([candidate], [known])).toEqual([wanted]));

test('rotated while the agent was down: the old file by its content, the new one is new', async () => {
  expect(await found([file('/log', lines(50, 60)), file('/log.1', lines(0, 45))], [known])).toEqual([null, 's']);
});

test('of two copies one goes on, the one with the name', async () => {
  const copies = [file('/copy', lines(0, 40)), file('/log', lines(0, 40))];
  expect(await found(copies, [known])).toEqual([null, 's']);
});

test('of two streams of a file, the one that is furthest on', async () => {
  const behind = checkpoint('behind', '/log', lines(0, 3), lines(0, 5));
  expect(await found([file('/log', lines(0, 90))], [behind, known])).toEqual(['s']);
});

test('a short common beginning, like a CSV header, is no proof under another name', async () => {
  const header = '"remotehost","rfc931","authuser","date","request","status","bytes"\n';
  const headerOnly = checkpoint('h', '/a.csv', header, header);
  expect(await found([file('/b.csv', `${header}1,2,3\n`)], [headerOnly])).toEqual([null]);
  expect(await found([file('/a.csv', `${header}1,2,3\n`)], [headerOnly])).toEqual(['h']);
});

test('opened while empty: the name must do; opened at its end: the head must hold', async () => {
  const opened = checkpoint('e', '/log', '', '');
  expect(await found([file('/log', lines(0, 2)), file('/x', lines(0, 2))], [opened])).toEqual(['e', null]);
  const atEnd = { ...known, tail: null };
  expect(await found([file('/log', lines(0, 41))], [atEnd])).toEqual(['s']);
  expect(await found([file('/log', lines(7, 70))], [atEnd])).toEqual([null]);
  expect(await found([file('/log', lines(0, 41))], [{ ...atEnd, head: null }])).toEqual([null]);
});

test('nonsense from a server proves nothing', async () => {
  const sha256 = digestOf(Buffer.alloc(0)).sha256;
  for (const tail of [
    { length: -1, sha256 },
    { length: 99_999, sha256 },
    { length: 2_000, sha256 },
  ]) {
    expect(await found([file('/log', lines(0, 90))], [{ ...known, tail }])).toEqual([null]);
  }
});
