// Goal: every line becomes what the log says, or is refused with its reason; no line does harm.
// Method: real lines of other projects' tests, the rules' borders by example, the laws by property.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Format, lineParser, type ParsedLine } from '../../agent/parse/index.js';
import { sectionOf, splitTarget } from '../../schema/entry.js';
import type { Entry } from '../../schema/log-batch.js';
import { describeWithData, sharedData } from '../support/shared-data.js';

const parse = (line: string, format: Format = 'auto'): ParsedLine => lineParser(format)(line);

function entryOf(line: string, format: Format = 'auto'): Entry {
  const parsed = parse(line, format);
  if (parsed === null || typeof parsed === 'string') throw new Error(`${line}: ${parsed}`);
  return parsed;
}

const combined = (change: Partial<Record<'time' | 'request' | 'status' | 'bytes' | 'rest' | 'who', string>> = {}) => {
  const { who = '10.0.0.1 - -', time = '17/May/2015:10:05:03 +0000', request = 'GET /a HTTP/1.1' } = change;
  const { status = '200', bytes = '7', rest = ' "-" "x"' } = change;
  return `${who} [${time}] "${request}" ${status} ${bytes}${rest}`;
};
const csv = (change: Partial<Record<'host' | 'user' | 'date' | 'request' | 'status' | 'bytes', string>> = {}) => {
  const { host = '"10.0.0.2"', user = '"apache"', date = '1549573860', request = '"GET /api/user HTTP/1.0"' } = change;
  const { status = '200', bytes = '1234' } = change;
  return [host, '"-"', user, date, request, status, bytes].join(',');
};

const cases = sharedData('parser_cases.jsonl');
describeWithData('lines that other projects test with', () => {
  interface Case {
    format: string;
    verdict: 'accept' | 'reject' | 'judge';
    line: string;
    expect: Record<string, string | number> | null;
  }
  const ours = (cases === null ? [] : readFileSync(cases, 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Case)
    .filter(({ format, verdict }) => ['csv', 'common', 'combined'].includes(format) && verdict !== 'judge');

  test('there are some of each verdict', () => {
    expect(ours.filter(({ verdict }) => verdict === 'accept').length).toBeGreaterThan(30);
    expect(ours.filter(({ verdict }) => verdict === 'reject').length).toBeGreaterThan(4);
  });

  test.each(ours)('$format, $verdict: $line', ({ format, verdict, line, expect: wanted }) => {
    for (const as of [format as Format, 'auto' as const]) {
      if (verdict === 'reject') {
        expect(typeof parse(line, as)).toBe('string');
        continue;
      }
      const entry = entryOf(line, as);
      const path = entry.target === null ? undefined : splitTarget(entry.target).path;
      const found: Record<string, unknown> = {
        host: entry.host,
        user: entry.user ?? undefined,
        time_ms: entry.timeMs,
        method: entry.method ?? undefined,
        target: entry.target ?? undefined,
        protocol: entry.protocol ?? undefined,
        path,
        section: path === undefined ? undefined : sectionOf(path),
        status: entry.status,
        bytes: entry.bytes,
        referer: entry.referrer ?? undefined,
        user_agent: entry.userAgent ?? undefined,
      };
      for (const key of Object.keys(wanted ?? {})) {
        if (key !== 'ident' && key !== 'request') expect({ [key]: found[key] }).toEqual({ [key]: wanted?.[key] });
      }
      if (wanted?.method === undefined) expect([entry.method, entry.target]).toEqual([null, null]);
    }
  });
});

describe('the request line', () => {
  test.each([
    ['GET /a?b=1#c HTTP/1.1', 'GET', '/a?b=1#c', 'HTTP/1.1'],
    ['M-SEARCH * HTTP/1.1', 'M-SEARCH', '*', 'HTTP/1.1'],
    ['GET /old', 'GET', '/old', null],
    ['get /x HTTP/', 'get', '/x', 'HTTP/'],
    ['GET http://h/x HTTP/1.0', 'GET', 'http://h/x', 'HTTP/1.0'],
  ])('%s', (request, method, target, protocol) => {
    for (const entry of [entryOf(combined({ request })), entryOf(csv({ request: `"${request}"` }))]) {
      expect(entry).toMatchObject({ method, target, protocol });
    }
  });

  test.each([
    '',
    '-',
    'POST /old',
    'GET old',
    'GET ',
    'GET',
    'GET /foo http',
    'GET /a b HTTP/1.1',
    'GET  HTTP/1.1',
    '1ET / HTTP/1.1',
    'G\u00c9T / HTTP/1.1',
    '\\x16\\x03',
  ])('a hit without a request: "%s"', (request) => {
    for (const entry of [entryOf(combined({ request })), entryOf(csv({ request: `"${request}"` }))]) {
      expect(entry).toMatchObject({ method: null, target: null, protocol: null, status: 200 });
    }
  });
});

describe('time', () => {
  test.each([
    ['17/May/2015:10:05:03 +0000', '2015-05-17T10:05:03Z'],
    ['17/May/2015:10:05:03 +0530', '2015-05-17T04:35:03Z'],
    ['17/May/2015:10:05:03 -0900', '2015-05-17T19:05:03Z'],
    ['29/Feb/2024:00:00:00 +0000', '2024-02-29T00:00:00Z'],
    ['31/Dec/2016:23:59:60 +0000', '2017-01-01T00:00:00Z'],
    ['01/Jan/0001:00:00:00 +0000', '0001-01-01T00:00:00Z'],
  ])('%s is %s', (time, iso) => expect(entryOf(combined({ time })).timeMs).toBe(Date.parse(iso)));

  test.each([
    '30/Feb/2024:00:00:00 +0000',
    '29/Feb/2023:00:00:00 +0000',
    '00/Jan/2024:00:00:00 +0000',
    '01/Foo/2024:00:00:00 +0000',
    '01/jan/2024:00:00:00 +0000',
    '01/Jan/2024:24:00:00 +0000',
    '01/Jan/2024:00:60:00 +0000',
    '01/Jan/2024:00:00:61 +0000',
    '01/Jan/2024:00:00:00 +0060',
    '01/Jan/2024:00:00:00 +2400',
    '01/Jan/2024:00:00:00 00000',
    '1/Jan/2024:00:00:00 +0000 ',
  ])('%s is none', (time) => expect(parse(combined({ time }))).toMatch(/time/));

  test('a line does not take over the time of the one before', () => {
    const line = lineParser('combined');
    const timeOf = (time: string) => (line(combined({ time })) as Entry).timeMs;
    const noon = timeOf('17/May/2015:12:00:01 +0000');
    expect(timeOf('17/May/2015:12:00:59 +0000') - noon).toBe(58_000);
    expect(timeOf('17/May/2015:12:00:01 +0100') - noon).toBe(-3_600_000);
    expect(typeof line(combined({ time: '30/Feb/2015:12:00:01 +0100' }))).toBe('string');
    expect(timeOf('17/May/2015:12:01:01 +0000') - noon).toBe(60_000);
  });

  test.each(['-1', '1549573860.5', '', '1e9', ' 1549573860', '8640000000001'])('the date %s is none', (date) =>
    expect(parse(csv({ date }), 'csv')).toMatch(/date/),
  );
});

describe('the other fields', () => {
  test.each([
    [combined({ bytes: '-' }), { bytes: 0 }],
    [combined({ status: '-', bytes: '-' }), { status: 0, bytes: 0 }],
    [combined({ status: '000' }), { status: 0 }],
    [combined({ who: 'h i u@example.com' }), { host: 'h', user: 'u@example.com' }],
    [combined({ rest: '' }), { referrer: null, userAgent: null }],
    [combined({ rest: ' - -' }), { referrer: null, userAgent: null }],
    [combined({ rest: ' "" "-"' }), { referrer: null, userAgent: null }],
    [
      combined({ rest: ' "r" "say \\"hi\\" \\\\ \\x41" 0.050 more "of it' }),
      { referrer: 'r', userAgent: 'say "hi" \\ \\x41' },
    ],
    [combined({ request: 'GET /a\\"b HTTP/1.1' }), { target: '/a\\"b' }],
    [csv({ bytes: '' }), { bytes: 0 }],
    [csv({ bytes: '-' }), { bytes: 0 }],
    [csv({ host: '"a""b"', user: '""' }), { host: 'a"b', user: null }],
    [csv({ host: 'plain', user: '"with, comma"' }), { host: 'plain', user: 'with, comma' }],
    [`${csv()}\r\r`, { bytes: 1234 }],
    [`\ufeff${csv()}`, { host: '10.0.0.2' }],
  ])('%s', (line, wanted) => expect(entryOf(line)).toMatchObject(wanted));

  test.each([
    ['combined', combined({ who: 'h - two words' }), /time/],
    ['combined', combined({ who: 'h\tx - u' }), /host/],
    ['combined', combined({ status: '20' }), /status/],
    ['combined', combined({ status: '2000' }), /status/],
    ['combined', combined({ bytes: '-1' }), /blank|referrer/],
    ['combined', combined({ bytes: '99999999999999' }), /bytes/],
    ['combined', combined({ rest: ' "only a referrer"' }), /referrer/],
    ['combined', combined({ rest: ' "r" "cut' }), /user agent/],
    ['combined', combined({ rest: ' "r" "ends with \\"' }), /user agent/],
    ['combined', combined({ rest: ' "r""x"' }), /referrer/],
    ['common', combined(), /Common/],
    ['csv', csv({ status: '20' }), /status/],
    ['csv', csv({ bytes: '1.5' }), /bytes/],
    ['csv', csv({ bytes: '99999999999999' }), /bytes/],
    ['csv', `${csv()},8`, /more than 7 columns/],
    ['csv', csv().slice(0, -5), /6 columns/],
    ['csv', csv({ host: '"open' }), /closing quote/],
    ['csv', csv({ host: '"a"b' }), /closing quote/],
    ['auto', 'neither of them', /none of the formats/],
  ] as [Format, string, RegExp][])('%s refuses %s', (format, line, reason) =>
    expect(parse(line, format)).toMatch(reason),
  );

  test.each([
    '',
    '  ',
    '\t',
    '\r',
    '"remotehost","rfc931","authuser","date","request","status","bytes"',
    'remotehost,rfc931',
  ])('skipped: "%s"', (line) => expect([parse(line), parse(line, 'csv')]).toEqual([null, null]));
});

describe('detection', () => {
  test('each line by itself, whatever came before', () => {
    const line = lineParser('auto');
    const kinds = [csv(), combined(), combined({ rest: '' }), csv(), 'x', combined()].map((text) => typeof line(text));
    expect(kinds).toEqual(['object', 'object', 'object', 'object', 'string', 'object']);
  });

  test('a malformed line is told its own format’s reason', () => {
    expect(parse(combined({ status: 'x' }))).toMatch(/status/);
    expect(parse(csv({ status: 'x' }))).toMatch(/status/);
  });
});

describe('laws', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(fc.constantFrom(...'"\\ -[]/:,+09azGET\t\r\u00a0\ud800', ' "', '" ', 'HTTP/1.1'), { maxLength: 80 })
      .map((parts) => parts.join('')),
  );
  /** A good line with a piece of it replaced. */
  const damaged = fc
    .tuple(fc.constantFrom(combined(), csv()), anyText, fc.nat(200), fc.nat(60))
    .map(([line, text, at, length]) => line.slice(0, at) + text + line.slice(at + length));

  test('never throws, and what it gives can be an entry', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText, damaged),
        fc.constantFrom<Format>('auto', 'csv', 'common', 'combined'),
        (line, format) => {
          const parsed = parse(line, format);
          if (parsed === null) return;
          if (typeof parsed === 'string') {
            expect(parsed).not.toBe('');
            return;
          }
          expect(Number.isSafeInteger(parsed.timeMs) && Math.abs(parsed.timeMs) <= 8.64e15).toBe(true);
          expect(Number.isSafeInteger(parsed.bytes) && parsed.bytes >= 0).toBe(true);
          expect(parsed.status).toBeGreaterThanOrEqual(0);
          expect(parsed.status).toBeLessThanOrEqual(999);
          expect(parsed.host).not.toBe('');
          expect(parsed.method === null).toBe(parsed.target === null);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('auto accepts exactly what csv or combined accepts', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, damaged), (line) => {
        const either = [parse(line, 'csv'), parse(line, 'combined')].some((parsed) => typeof parsed !== 'string');
        expect(typeof parse(line) !== 'string').toBe(either);
      }),
      { numRuns: 5_000 },
    );
  });

  const hostile: [string, (length: number) => string][] = [
    ['backslashes', (length) => combined({ request: '\\'.repeat(length) })],
    ['escaped quotes', (length) => combined({ request: '\\"'.repeat(length / 2) })],
    ['an open user agent of escaped quotes', (length) => combined({ rest: ` "-" "${'\\"'.repeat(length / 2)}` })],
    ['doubled quotes', (length) => csv({ host: `"${'""'.repeat(length / 2)}` })],
    ['commas', (length) => ','.repeat(length)],
    ['blanks', (length) => `x${' '.repeat(length)}`],
    ['quotes', (length) => '"'.repeat(length)],
    ['blanks at the end', (length) => combined({ rest: `${' '.repeat(length)}x` })],
  ];
  test.each(hostile)('takes linear time on a line of %s', (_name, make) => {
    const millisecondsOf = (length: number) => {
      const line = make(length);
      const times = [1, 2, 3].map(() => {
        const startedAt = performance.now();
        parse(line);
        return performance.now() - startedAt;
      });
      return Math.min(...times);
    };
    // Quadratic would be seconds: 2^20 characters, sixteen times what a line can have.
    expect(millisecondsOf(2 ** 20)).toBeLessThan(500);
  });
});
