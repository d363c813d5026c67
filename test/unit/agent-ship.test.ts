// Goal: batches keep to their limits and count every line; what is tried again, and when, is as said.
// Method: the borders by example, the laws by property.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lineParser } from '../../agent/parse/index.js';
import { readAnswer } from '../../agent/ship/answer.js';
import { backOffMs } from '../../agent/ship/back-off.js';
import { BatchDraft, batchLimits, REJECTIONS_MAX, SAMPLE_LENGTH_MAX } from '../../agent/ship/batch.js';
import { steadyPace } from '../../agent/ship/pace.js';
import { Turns } from '../../agent/ship/turns.js';
import { LINE_BYTES_MAX, type Line, LineSplitter } from '../../agent/source/index.js';
import { decodeLogBatch } from '../../schema/log-batch.js';
import { logLines } from '../support/agent-harness.js';

const TAIL = { length: 0, sha256: '' };
const LIMITS = { lines: 8_192, bytes: 1_000_000 };

function linesOf(text: string, start = 0): Line[] {
  const splitter = new LineSplitter(start);
  splitter.push(Buffer.from(text));
  const lines: Line[] = [];
  for (let line = splitter.next(); line !== null; line = splitter.next()) lines.push(line);
  return lines;
}

describe('a batch', () => {
  test('covers the bytes of its lines, and counts each of them once', () => {
    const kinds = fc.array(fc.constantFrom(logLines(1, 2), '\n', 'nonsense\n', '\r\n'), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(kinds, fc.nat(9_999), (texts, start) => {
        const draft = new BatchDraft(LIMITS);
        const parse = lineParser('auto');
        for (const line of linesOf(texts.join(''), start)) draft.add(line, parse(line.text));
        const batch = draft.build(TAIL);
        const count = (text: string) => texts.filter((other) => other === text).length;
        expect(batch).toMatchObject({
          from: start,
          to: start + texts.join('').length,
          malformed: count('nonsense\n'),
          skipped: count('\n') + count('\r\n'),
        });
        expect(batch.count).toBe(count(logLines(1, 2)));
        expect(decodeLogBatch(JSON.parse(Buffer.from(batch.json.bytes).toString())).count).toBe(batch.count);
        expect(draft.lines).toBe(texts.length);
        expect(batch.rejections).toHaveLength(Math.min(batch.malformed, REJECTIONS_MAX));
      }),
    );
  });

  test('is full at its limit of lines, parsed or not', () => {
    const draft = new BatchDraft({ lines: 3, bytes: 1_000_000 });
    const [line] = linesOf('x\n');
    const full = [null, 'reason', null].map((parsed) => {
      draft.add(line, parsed);
      return draft.full;
    });
    expect(full).toEqual([false, false, true]);
  });

  test.each([
    ['plain text by its bytes', `${'x'.repeat(999)}\n`, 10],
    ['what JSON writes in six characters by those', `${'\u0001'.repeat(999)}\n`, 2],
    ['a line without end by what is kept of it', `${'x'.repeat(10 * LINE_BYTES_MAX)}\n`, 1],
  ])('is full at its limit of bytes: %s', (_what, text, wanted) => {
    const draft = new BatchDraft({ lines: 8_192, bytes: 10_000 });
    const [line] = linesOf(text);
    while (!draft.full) draft.add(line, 'reason');
    expect(draft.lines).toBe(wanted);
  });

  test('holds samples cut at 500 characters, well-formed, with their positions', () => {
    const draft = new BatchDraft(LIMITS);
    const text = `${'x'.repeat(SAMPLE_LENGTH_MAX - 1)}\u{1f600}y\n`;
    for (const line of linesOf(`\n${text}${'z'.repeat(LINE_BYTES_MAX + 1)}\n`, 100))
      draft.add(line, line.text === '' ? null : 'reason');
    expect(draft.build(TAIL).rejections).toEqual([
      { position: 101, reason: 'reason', sample: `${'x'.repeat(SAMPLE_LENGTH_MAX - 1)}\ufffd` },
      {
        position: 101 + Buffer.byteLength(text),
        reason: 'reason',
        sample: 'z'.repeat(SAMPLE_LENGTH_MAX),
      },
    ]);
  });

  test('has the server’s limits within the format’s', () => {
    expect(batchLimits({ batchEntries: 100_000, batchBytes: 5 })).toEqual({ lines: 8_192, bytes: 5 });
    expect(batchLimits({ batchEntries: 10, batchBytes: 0 })).toEqual({ lines: 10, bytes: 1 });
  });
});

describe('back-off', () => {
  test('grows from 0.2 s to 5 s, anywhere below', () => {
    const longest = [1, 2, 3, 4, 5, 6, 1_000].map((attempt) => backOffMs(attempt, 1));
    expect(longest).toEqual([400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    expect(backOffMs(3, 0)).toBe(0);
    expect(backOffMs(3, 0.5)).toBe(800);
  });

  test('never ends before the server wants, and not for all at once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(60_000),
        (attempt, random, afterMs) => {
          expect(backOffMs(attempt, random, afterMs)).toBeGreaterThanOrEqual(afterMs);
        },
      ),
    );
    expect(backOffMs(1, 0.9, 10_000)).not.toBe(backOffMs(1, 0.1, 10_000));
  });
});

describe('an answer', () => {
  const error = (code: string | undefined, more: object = {}) =>
    JSON.stringify({ errors: [{ message: 'm\nstack', extensions: { code, ...more } }], data: null });

  test.each([
    [200, '{"data":{"a":1}}', { kind: 'data', data: { a: 1 } }],
    [400, error('BAD_USER_INPUT'), { kind: 'refused', code: 'BAD_USER_INPUT', message: 'm' }],
    [401, error('UNAUTHENTICATED'), { kind: 'refused', code: 'UNAUTHENTICATED' }],
    [200, error('NOT_FOUND'), { kind: 'refused', code: 'NOT_FOUND' }],
    [401, 'no', { kind: 'refused', code: 'UNAUTHENTICATED' }],
    [200, error('RESOURCE_EXHAUSTED', { retryAfterMs: 700 }), { kind: 'retry', retryAfterMs: 700, served: true }],
    [429, error('RATE_LIMITED', { retryAfterMs: 700 }), { kind: 'retry', retryAfterMs: 700, served: true }],
    [200, error('RESOURCE_EXHAUSTED', { retryAfterMs: 1e9 }), { kind: 'retry', retryAfterMs: 60_000 }],
    [200, error('RESOURCE_EXHAUSTED', { retryAfterMs: 'soon' }), { kind: 'retry', retryAfterMs: null }],
    [200, error('RATE_LIMITED', { retryAfterMs: 70 }), { kind: 'retry', retryAfterMs: 70, limited: true }],
    [200, error('RESOURCE_EXHAUSTED', { retryAfterMs: 10_000 }), { kind: 'retry', limited: true }],
    [200, error('RESOURCE_EXHAUSTED', { retryAfterMs: 500 }), { kind: 'retry', limited: false }],
    [500, error('INTERNAL_SERVER_ERROR'), { kind: 'retry', served: true, limited: false }],
    [200, error('A_CODE_OF_TOMORROW'), { kind: 'retry' }],
    [200, error(undefined), { kind: 'retry' }],
    [502, '<html>', { kind: 'retry', served: false }],
    [429, '', { kind: 'retry', served: false }],
    [404, '<html>', { kind: 'foreign' }],
    [200, '<html>', { kind: 'foreign' }],
    [200, '{"hello":1}', { kind: 'foreign' }],
    [200, '[]', { kind: 'foreign' }],
    [200, 'null', { kind: 'foreign' }],
    [302, '', { kind: 'foreign' }],
  ])('HTTP %i %s', (status, body, wanted) => expect(readAnswer(status, body)).toMatchObject(wanted));

  test('of any kind is read without throwing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(fc.string(), fc.json()),
        (status, body) => void readAnswer(status, body),
      ),
    );
  });
});

describe('a steady pace', () => {
  /** Lines that go in `forMs`, with a look at the clock each `lookMs`. */
  function linesIn(forMs: number, lookMs: number, perSecond: number, restMs = 0): number {
    const pace = steadyPace(perSecond);
    let lines = 0;
    for (let nowMs = 0; nowMs < forMs; nowMs += lookMs) {
      if (nowMs >= 1_000 && nowMs < 1_000 + restMs) continue;
      while (pace.waitMs(nowMs) === 0) {
        pace.take();
        lines++;
      }
    }
    return lines;
  }

  test.each([
    [10_000, 1, 100],
    [10_000, 37, 100],
    [10_000, 10, 5_000],
    [10_000, 10, 0.5],
  ])('%i ms, looking each %i ms, at %d lines a second', (forMs, lookMs, perSecond) => {
    const wanted = (forMs / 1_000) * perSecond;
    expect(Math.abs(linesIn(forMs, lookMs, perSecond) - wanted)).toBeLessThanOrEqual(1 + (perSecond * lookMs) / 1_000);
  });

  test('after a hold-up it goes on with a second’s arrears at most', () => {
    const lines = linesIn(20_000, 10, 100, 10_000);
    expect(lines).toBeGreaterThanOrEqual(1_000);
    expect(lines).toBeLessThanOrEqual(1_102);
  });

  test('waits no longer than it has to', () => {
    const pace = steadyPace(10);
    expect(pace.waitMs(0)).toBe(0);
    pace.take();
    expect([pace.waitMs(0), pace.waitMs(60), pace.waitMs(100)]).toEqual([100, 40, 0]);
  });
});

describe('turns', () => {
  test('one after the other, a failure being nobody else’s', async () => {
    const turns = new Turns();
    const order: string[] = [];
    let release = () => {};
    const first = turns.run(1, async () => {
      order.push('first begins');
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      order.push('first ends');
      throw new Error('failed');
    });
    const second = turns.run(1, async () => order.push('second'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['first begins']);
    release();
    await expect(first).rejects.toThrow('failed');
    await second;
    expect(order).toEqual(['first begins', 'first ends', 'second']);
  });

  test('reading rests while more than 16 MiB wait', async () => {
    const turns = new Turns();
    let release = () => {};
    const work = turns.run(
      16_777_217,
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    let room = false;
    const waiting = turns.room().then(() => {
      room = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(room).toBe(false);
    release();
    await Promise.all([work, waiting]);
    expect(room).toBe(true);
  });
});
