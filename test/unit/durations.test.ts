// Goal: a duration is positive and fixed in length, or it is refused; what is written is read back.
// Method: examples of ISO 8601, borders, and the round trip over all seconds that occur.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GraphQLError } from 'graphql';
import { formatDuration, parseDuration } from '../../schema/scalars/duration.scalar.js';

describe('parseDuration', () => {
  test.each([
    ['PT10S', 10],
    ['PT2M', 120],
    ['PT90M', 5_400],
    ['PT1H30M', 5_400],
    ['P1D', 86_400],
    ['P7D', 604_800],
    ['P1W', 604_800],
    ['P1W1DT1H1M1S', 604_800 + 86_400 + 3_600 + 61],
    ['PT0H5S', 5],
    ['PT0010S', 10],
    [`PT${Number.MAX_SAFE_INTEGER}S`, Number.MAX_SAFE_INTEGER],
  ])('%s is %i s', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  test.each([
    '',
    'P',
    'PT',
    'P1DT',
    'PT0S',
    'P0D',
    'P1Y',
    'P1M',
    '-PT5M',
    '+PT5M',
    'PT-5M',
    'PT1.5S',
    'PT1,5S',
    'pt10s',
    ' PT10S',
    'PT10S ',
    'PT10S\n',
    'PT1S1M',
    '10',
    'P1H',
    'PT1D',
    'PT٣S',
    `PT${'9'.repeat(20)}S`,
    `P${'9'.repeat(400)}W`,
  ])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(GraphQLError);
    try {
      parseDuration(text);
    } catch (error) {
      expect((error as GraphQLError).extensions.code).toBe('BAD_USER_INPUT');
      expect((error as GraphQLError).message.length).toBeLessThan(200);
    }
  });
});

describe('formatDuration', () => {
  test.each([
    [1, 'PT1S'],
    [10, 'PT10S'],
    [60, 'PT1M'],
    [120, 'PT2M'],
    [3_600, 'PT1H'],
    [86_400, 'P1D'],
    [604_800, 'P7D'],
    [90_061, 'P1DT1H1M1S'],
  ])('%i s is %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test('is read back', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 10 ** 9 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
        (s) => expect(parseDuration(formatDuration(s))).toBe(s),
      ),
    );
  });
});
