import fc from 'fast-check';
import { ENTRY_BYTES_MAX, ENTRY_DURATION_MS_MAX, type Entry } from '../../schema/log-batch.js';

/** Texts in which encodings go wrong: two, three and four bytes a character, joined characters, nothing, keys of objects. */
const AWKWARD = ['', '-', 'é', '漢字', '😀', 'e\u0301', '\u202egpj', '\u001b]52;c;x\u0007', '__proto__', 'constructor'];

/** Well-formed, without NUL: what is left of any text once it is cleaned. */
export const cleanTexts: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
);

/** Any UTF-16, NUL and lone surrogates among it. */
export const dirtyTexts: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(0, 0x20, 0x41, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfffd, 0xffff),
      fc.integer({ min: 0, max: 0xffff }),
    ),
    { maxLength: 20 },
  )
  .map((units) => String.fromCharCode(...units));

/** Few of each, so that entries meet in their keys. */
const targets = fc.oneof(
  fc.constantFrom(
    '/',
    '//x',
    '/api',
    '/api/user',
    '/api/user?id=1',
    '/api#top',
    'http://h/api/x',
    'http://h',
    '*',
    'h:443',
    '',
  ),
  cleanTexts,
);
const texts = fc.oneof(fc.constantFrom('a', 'b', '😀'), cleanTexts);

/** Entries of 40 seconds, so that several share a window and a second. */
export const entries: fc.Arbitrary<Entry> = fc.record({
  timeMs: fc.integer({ min: 0, max: 39_999 }).map((ms) => 1_549_573_860_000 + ms),
  host: texts,
  user: fc.option(texts),
  method: fc.option(fc.oneof(fc.constantFrom('GET', 'POST'), cleanTexts)),
  target: fc.option(targets),
  protocol: fc.option(texts),
  status: fc.oneof(
    fc.constantFrom(0, 99, 100, 200, 301, 400, 404, 499, 500, 599, 600, 999),
    fc.integer({ min: 0, max: 999 }),
  ),
  bytes: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: ENTRY_BYTES_MAX })),
  durationMs: fc.option(fc.double({ min: 0, max: ENTRY_DURATION_MS_MAX, noNaN: true }).map((ms) => ms + 0)),
  referrer: fc.option(texts),
  userAgent: fc.option(texts),
});

/** Counts up to the largest number that a double holds exactly. */
export const counts: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49 - 1, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);
