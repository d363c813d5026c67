// Goal: --dry-run shows just what would be sent, with line numbers that lead back to the file.
// Method: whole real logs against the counts of an independent reference; the form by example.
import { writeFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dryRun, type Format } from '../../agent/index.js';
import { logLines, temporaryFolder } from '../support/agent-harness.js';
import { sharedData } from '../support/shared-data.js';

interface Shown {
  line: number;
  time: string;
  path: string;
  section: string;
  status: number;
  bytes: number;
  host: string;
  method: string;
}

class Collected extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

async function run(
  files: string[],
  format: Format = 'auto',
  stdin = '',
): Promise<{ entries: Shown[]; errors: string[] }> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  expect(await dryRun({ files, format, stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr })).toBe(0);
  const split = (text: string) => text.split('\n').slice(0, -1);
  return { entries: split(stdout.text).map((line) => JSON.parse(line) as Shown), errors: split(stderr.text) };
}

/** Counts by a brute-force reference in another language, over the same files. */
const REFERENCE = [
  {
    name: 'sample_csv.txt',
    format: 'csv' as const,
    hits: 4_830,
    malformedLines: [],
    bytes: 5_939_093,
    classes: { 2: 3_868, 4: 458, 5: 504 },
    sections: { '/api': 3_930, '/report': 900 },
    methods: { GET: 3_578, POST: 1_252 },
    distinctSections: 2,
    distinctHosts: 5,
    first: '2019-02-07T21:10:59.000Z',
    last: '2019-02-07T21:19:00.000Z',
  },
  {
    name: 'elastic_apache_logs.log',
    format: 'combined' as const,
    hits: 9_999,
    malformedLines: [8_899],
    bytes: 2_747_282_505,
    classes: { 2: 9_170, 3: 609, 4: 217, 5: 3 },
    sections: { '/presentations': 2_305, '/blog': 1_959, '/images': 1_243, '/favicon.ico': 807, '/projects': 603 },
    methods: { GET: 9_951, HEAD: 42, OPTIONS: 1, POST: 5 },
    distinctSections: 41,
    distinctHosts: 1_753,
    first: '2015-05-17T10:05:00.000Z',
    last: '2015-05-20T21:05:59.000Z',
  },
  {
    name: 'lnav_playground_access.log',
    format: 'combined' as const,
    hits: 2_492,
    malformedLines: [],
    bytes: 11_328_686,
    classes: { 2: 1_373, 4: 967, 5: 152 },
    sections: { '/index.html': 128, '/obj': 120, 'magna/incididunt': 67 },
    methods: { GET: 2_151, PUT: 341 },
    distinctSections: 54,
    distinctHosts: 6,
    first: '2022-01-11T03:04:27.000Z',
    last: '2022-01-13T10:48:46.000Z',
  },
];

describe.each(REFERENCE)('$name', (wanted) => {
  const path = sharedData(wanted.name);
  (path !== null ? test.each([wanted.format, 'auto'] as const) : test.skip.each(['']))(
    'as the reference counts it, %s',
    async (format) => {
      const { entries, errors } = await run([path ?? ''], format as Format);
      const tally = (of: (entry: Shown) => string | number) => {
        const counts: Record<string, number> = {};
        for (const entry of entries) counts[of(entry)] = (counts[of(entry)] ?? 0) + 1;
        return counts;
      };
      const sections = tally(({ section }) => section);
      const times = entries.map(({ time }) => time).sort();
      expect(errors.map((line) => Number(line.split(':')[0]))).toEqual(wanted.malformedLines);
      expect({
        hits: entries.length,
        bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
        classes: tally(({ status }) => Math.floor(status / 100)),
        methods: tally(({ method }) => method),
        distinctSections: Object.keys(sections).length,
        distinctHosts: Object.keys(tally(({ host }) => host)).length,
        first: times[0],
        last: times.at(-1),
      }).toEqual({
        hits: wanted.hits,
        bytes: wanted.bytes,
        classes: wanted.classes,
        methods: wanted.methods,
        distinctSections: wanted.distinctSections,
        distinctHosts: wanted.distinctHosts,
        first: wanted.first,
        last: wanted.last,
      });
      expect(sections).toMatchObject(wanted.sections);
    },
  );
});

describe('what is shown', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  const file = (name: string, text: string) => {
    writeFileSync(folder.path(name), text);
    return folder.path(name);
  };

  test('the keys of the API’s LogEntry, none as (none)', async () => {
    const text = `10.0.0.1 - ann [23/Nov/2026:10:00:00 +0000] "GET http://h/api/x?a=1#f HTTP/1.1" 404 12 "-" "say \\"hi\\""\n10.0.0.2 - - [23/Nov/2026:10:00:00 +0000] "-" - -`;
    expect((await run([file('a.log', text)])).entries).toEqual([
      {
        line: 1,
        time: '2026-11-23T10:00:00.000Z',
        host: '10.0.0.1',
        user: 'ann',
        method: 'GET',
        path: '/api/x',
        query: 'a=1',
        section: '/api',
        protocol: 'HTTP/1.1',
        status: 404,
        bytes: 12,
        durationMs: null,
        referrer: null,
        userAgent: 'say "hi"',
      },
      {
        line: 2,
        time: '2026-11-23T10:00:00.000Z',
        host: '10.0.0.2',
        user: null,
        method: '(none)',
        path: '(none)',
        query: null,
        section: '(none)',
        protocol: null,
        status: 0,
        bytes: 0,
        durationMs: null,
        referrer: null,
        userAgent: null,
      },
    ]);
  });

  test('numbers count every line, malformed and blank ones too', async () => {
    const { entries, errors } = await run([
      file('a.log', `\n${logLines(0, 1)}bad\n\n${logLines(1, 2)}${'x'.repeat(65_537)}\n`),
    ]);
    expect(entries.map(({ line }) => line)).toEqual([2, 5]);
    expect(errors).toEqual([expect.stringMatching(/^3: ./), '6: longer than 65536 bytes']);
  });

  test('of several files and standard input, reasons after the name', async () => {
    const [a, b] = [file('a.log', logLines(0, 2)), file('b.log', 'bad\n')];
    const { entries, errors } = await run([a, b, '-'], 'auto', `${logLines(2, 3)}bad`);
    expect(entries.map(({ path }) => path)).toEqual(['/0', '/1', '/2']);
    expect(errors).toEqual([expect.stringContaining(`${b}:1: `), expect.stringMatching(/^-:2: /)]);
  });

  test('a file that is not there is one clear line', async () => {
    await expect(run([folder.path('nowhere.log')])).rejects.toThrow(/nowhere\.log: no such file$/);
  });

  test('a reader that has had enough is no mistake', async () => {
    const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const stderr = new Collected();
    const files = [file('a.log', logLines(0, 5_000))];
    expect(await dryRun({ files, format: 'auto', stdin: Readable.from([]), stdout: closed, stderr })).toBe(0);
  });
});
