// Goal: nothing that a log line holds reaches the terminal as anything but visible text, and numbers, times and
// widths read as people expect. Method: known attacks by example, the law by property, formats by their borders.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { bytes, count, percent, plainNumber, rate } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { ago, durationMs, newestEvent, shortTime, span } from '../../client/format/times.js';
import { cut, sized, wrap } from '../../client-tui/format/width.js';

describe('safe text', () => {
  test.each([
    ['OSC 52, the clipboard, ended by BEL', 'a\u001b]52;c;aGFja2Vk\u0007b', 'ab'],
    ['OSC 8, a link, ended by ST', '\u001b]8;;https://evil.example\u001b\\/api\u001b]8;;\u001b\\', '/api'],
    ['OSC in C1, ended by ST in C1', 'a\u009d0;title\u009cb', 'ab'],
    ['an unfinished OSC loses its introducer', 'a\u001b]0;title', 'a0;title'],
    ['DCS', 'a\u001bP1$r0m\u001b\\b', 'ab'],
    ['CSI: colour, cursor, a question to the terminal', '\u001b[31mred\u001b[0m\u001b[2J\u001b[6n', 'red'],
    ['CSI in C1', 'a\u009b31mb', 'ab'],
    ['CSI with private parameters', 'a\u001b[?1049hb', 'ab'],
    ['a reset', 'a\u001bcb', 'ab'],
    ['a character set', 'a\u001b(0b', 'ab'],
    ['an escape inside of an escape', '\u001b\u001b[31m[31mx', '[31mx'],
    ['a lone escape at the end', 'a\u001b', 'a'],
    ['C0, DEL and C1', 'a\u0000b\u0008c\u007fd\u0085e\u0090f', 'abcd ef'],
    ['line ends and tabs become a space', 'a\r\nb\tc\u2028d', 'a b c d'],
    ['bidi controls', '\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c', 'gnp.exex'],
    ['zero width', 'a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg', 'abcdefg'],
    ['variation selectors and tags', '\u2764\ufe0f\u{e0041}', '\u2764'],
    ['half a pair', 'a\ud800b', 'a\ufffdb'],
    ['letters of any script stay', '/日本語/é/🙂', '/日本語/é/🙂'],
  ])('%s', (_, hostile, shown) => {
    expect(safeText(hostile)).toBe(shown);
  });

  test('whatever comes in, nothing invisible or obeyed comes out', () => {
    const pieces = fc.constantFrom(
      '\u001b',
      '[',
      ']',
      '0;',
      'm',
      '\u0007',
      '\u009b',
      '\u009d',
      '\\',
      '\u202e',
      '\u200b',
      'x',
      ' ',
    );
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = safeText(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(safeText(shown)).toBe(shown);
      }),
    );
  });

  test('a text without end is cut', () => {
    expect(safeText('x'.repeat(1_000_000)).length).toBeLessThan(10_000);
  });
});

describe('width', () => {
  test('a cell is as wide as its column, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const shown = safeText(text);
        expect(stringWidth(sized(shown, columns))).toBe(columns);
        expect(stringWidth(cut(shown, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  test.each([
    ['abcdef', 4, 'abc…'],
    ['日本語', 4, '日…'],
    ['日本語', 6, '日本語'],
    ['e\u0301te\u0301', 2, 'e\u0301…'],
    [`a${'\u0301'.repeat(50)}b`, 2, 'ab'], // marks piled up without end: the letter alone
  ])('%s in %i columns', (text, columns, shown) => {
    expect(cut(text, columns)).toBe(shown);
  });

  test('numbers stand at the right', () => expect(sized('42', 5, 'right')).toBe('   42'));

  test('a message is broken at spaces, and cut in its last line', () => {
    expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four']);
    expect(wrap('one two three four', 9, 2)).toEqual(['one two', 'three fo…']);
    expect(wrap('', 9)).toEqual(['']);
  });
});

describe('numbers', () => {
  test.each([
    [count, 0, '0'],
    [count, 999, '999'],
    [count, 1_205, '1,205'],
    [count, 9_999, '9,999'],
    [count, 10_000, '10k'],
    [count, 12_345, '12.3k'],
    [count, 999_499, '999k'],
    [count, 999_500, '1M'],
    [count, 2 ** 53 - 1, '9P'],
    [count, Number.NaN, '–'],
    [rate, 10.05, '10.05'],
    [rate, 0, '0.00'],
    [rate, 123.44, '123.4'],
    [rate, 45_678, '45.7k'],
    [bytes, 512, '512 B'],
    [bytes, 1_000, '1 kB'],
    [bytes, 12_345, '12.3 kB'],
    [bytes, 1e15, '1 PB'],
    [percent, 0, '0%'],
    [percent, 0.0001, '<0.1%'],
    [percent, 0.021, '2.1%'],
    [percent, 0.0996, '10%'],
    [percent, 0.995, '99.5%'],
    [percent, 1, '100%'],
    [plainNumber, 8.45, '8.45'],
    [plainNumber, 10, '10'],
  ])('%p of %p', (format, value, shown) => {
    expect(format(value)).toBe(shown);
  });
});

describe('times', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');

  test.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [86_400_000 * 3, '3 d'],
    [86_400_000 * 365.25 * 7, '7 y'],
    [-5, '0 s'],
  ])('%i ms are %s', (ms, shown) => {
    expect(span(ms)).toBe(shown);
  });

  test('the day is said only where it is another', () => {
    expect(shortTime(now - 1_000, now)).toBe('11:59:59Z');
    expect(shortTime(Date.parse('2019-02-07T21:19:00Z'), now)).toBe('2019-02-07 21:19:00Z');
    expect(ago(now - 1_000, now)).toBe('just now');
    expect(ago(now + 60_000, now)).toBe('just now'); // the server's clock may be ahead
  });

  test('an old newest event is said to be old, from 30 s on', () => {
    expect(newestEvent(now - 30_000, now)).toEqual({ text: 'newest event 11:59:30Z', stale: false });
    expect(newestEvent(now - 31_000, now)).toEqual({ text: 'newest event 11:59:29Z, 31 s ago', stale: true });
    expect(newestEvent(Date.parse('2019-02-07T21:19:00Z'), now).text).toBe(
      'newest event 2019-02-07 21:19:00Z, 7 y ago',
    );
  });

  test.each([
    ['PT2M', 120_000],
    ['PT10S', 10_000],
    ['P1DT1H', 90_000_000],
    ['P2W', 1_209_600_000],
    ['PT0.5S', 500],
    ['P1Y', Number.NaN],
  ])('%s', (duration, ms) => {
    expect(durationMs(duration)).toBe(ms);
  });
});
