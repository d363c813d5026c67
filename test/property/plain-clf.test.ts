// Goal: plain lines are read from their bytes exactly as the parser reads their text; all else is left to it.
// Method: lines made of true and false parts, then broken at one place; both ways into a batch each.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lineParser, PlainClfReader } from '../../agent/parse/index.js';
import { TARGET_LENGTH_MAX, TEXT_LENGTH_MAX } from '../../schema/log-batch.js';
import { LogBatchBuilder } from '../../schema/log-batch-builder.js';
import { HASH_SEED, hashNext, TextDictionary } from '../../schema/text-dictionary.js';

/** Nine of ten are what a log has. */
const mostly = (usual: fc.Arbitrary<string>, other: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: other });
const word = fc.stringMatching(/^[!#-[\]-~]{1,12}$/);
const quoted = mostly(fc.stringMatching(/^[ !#-[\]-~]{0,30}$/), fc.constantFrom('-', '', 'a\\"b', 'caf\u00e9'));
const two = (max: number) => fc.nat(max).map((n) => String(n).padStart(2, '0'));
const time = fc
  .tuple(
    two(31),
    fc.constantFrom('Jan', 'Feb', 'Dec', 'Foo'),
    two(25),
    two(60),
    two(61),
    fc.constantFrom('+0000', '-0730', '+2400'),
  )
  .map(([day, month, hour, minute, second, zone]) => `${day}/${month}/2024:${hour}:${minute}:${second} ${zone}`);
const request = mostly(
  fc
    .tuple(mostly(fc.constantFrom('GET', 'POST', 'x-1_'), fc.constantFrom('1GET', 'G+T')), word)
    .map(([m, t]) => `${m} /${t} HTTP/1.1`),
  fc.constantFrom(
    '-',
    '',
    'GET /old',
    'GET /a b HTTP/1.1',
    'GET  HTTP/1.1',
    'GET /x http',
    'GET /x HTTP/',
    'GET /\\" HTTP/2',
  ),
);
const rest = mostly(
  fc
    .tuple(quoted, quoted, mostly(fc.constantFrom('', ' more'), fc.constant('x')))
    .map(([r, a, more]) => ` "${r}" "${a}"${more}`),
  fc.constantFrom('', ' ', ' - -', ' "-" -', ' "a"', ' "a" "b', ' "" ""'),
);
const lines = fc
  .record({
    host: word,
    user: fc.oneof(word, fc.constant('-')),
    time: mostly(fc.constant('17/May/2015:10:05:03 +0000'), time),
    request,
    status: mostly(fc.constantFrom('200', '404', '000'), fc.constantFrom('-', '20', '2000', '2x0')),
    size: mostly(
      fc.constantFrom('0', '17', '-', '8796093022208'),
      fc.constantFrom('8796093022209', '99999999999999999', '1x', ''),
    ),
    rest,
    end: mostly(fc.constantFrom('', '\r'), fc.constantFrom('\r\r', ' ')),
  })
  .map((it) => `${it.host} - ${it.user} [${it.time}] "${it.request}" ${it.status} ${it.size}${it.rest}${it.end}`);
/** At one place another character, one more, or one less. */
const broken = fc
  .tuple(
    lines,
    fc.nat(),
    fc.constantFrom('', ' ', '"', '\\', '\0', '\t', '\u007f', '\u00e9', '-', '[', 'x'),
    fc.boolean(),
  )
  .map(([line, place, other, instead]) => {
    const at = place % (line.length + 1);
    return line.slice(0, at) + other + line.slice(instead ? at + 1 : at);
  });

/** As the agent does it: from bytes where they are plain, else from the text. */
function batchBy(reader: PlainClfReader, all: readonly string[]): { batch: LogBatchBuilder; plain: number } {
  const batch = new LogBatchBuilder();
  const parse = lineParser('combined');
  let plain = 0;
  for (const line of all) {
    // Between others, so that reading beyond the line's end shows.
    const bytes = Buffer.from(`- ${line}\n- "-" 1`);
    if (reader.read(bytes, 2, 2 + Buffer.byteLength(line), batch)) plain++;
    else {
      const parsed = parse(line);
      if (parsed !== null && typeof parsed !== 'string') batch.add(parsed);
    }
  }
  return { batch, plain };
}

function batchOfTexts(all: readonly string[]): LogBatchBuilder {
  const batch = new LogBatchBuilder();
  const parse = lineParser('combined');
  for (const line of all) {
    const parsed = parse(line);
    if (parsed !== null && typeof parsed !== 'string') batch.add(parsed);
  }
  return batch;
}

describe('plain lines', () => {
  test('are read as the parser reads them', () => {
    let [read, plain] = [0, 0];
    fc.assert(
      fc.property(fc.array(fc.oneof(lines, broken), { minLength: 1, maxLength: 8 }), (all) => {
        const by = batchBy(new PlainClfReader(), all);
        expect(by.batch.build()).toEqual(batchOfTexts(all).build());
        read += by.batch.count;
        plain += by.plain;
      }),
      { numRuns: 5_000 },
    );
    // Both ways are taken.
    expect(plain).toBeGreaterThan(read * 0.3);
    expect(plain).toBeLessThan(read);
  });

  test.each([
    ['Combined', 'h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 17 "-" "agent (X; Y) 1"'],
    ['Common', 'h - frank [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 -'],
    ['more fields', 'h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 17 "r" "a" 0.003 "é'],
    ['carriage return', 'h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 17 "r" "a"\r'],
  ])('%s: no text of the line is made', (_name, line) => {
    const bytes = Buffer.from(line);
    expect(new PlainClfReader().read(bytes, 0, bytes.length, new LogBatchBuilder())).toBe(true);
  });

  test('texts that are longer than what is kept are left to the parser', () => {
    const line = (host: number, target: number) =>
      `${'h'.repeat(host)} - - [17/May/2015:10:05:03 +0000] "GET /${'t'.repeat(target - 1)} HTTP/1.1" 200 17 "-" "-"`;
    const isPlain = (text: string) => batchBy(new PlainClfReader(), [text]).plain === 1;
    expect(isPlain(line(TEXT_LENGTH_MAX, TARGET_LENGTH_MAX))).toBe(true);
    expect(isPlain(line(TEXT_LENGTH_MAX + 1, 1))).toBe(false);
    expect(isPlain(line(1, TARGET_LENGTH_MAX + 1))).toBe(false);
  });
});

test('a dictionary finds texts by themselves and by their bytes, whichever came first', () => {
  const texts = fc.oneof(fc.stringMatching(/^[ -~]{0,3}$/), fc.string({ unit: 'grapheme', maxLength: 3 }));
  const asked = fc.array(fc.tuple(texts, fc.boolean()), { maxLength: 400 });
  const dictionary = new TextDictionary();
  fc.assert(
    fc.property(asked, (all) => {
      dictionary.clear();
      const places = new Map<string, number>();
      for (const [text, byBytes] of all) {
        if (!places.has(text)) places.set(text, places.size + 1);
        const bytes = Buffer.from(`x${text}x`, 'latin1');
        const isPlain = /^[ -~]*$/.test(text) && !/["\\]/.test(text);
        const hash = [...text].reduce((sum, char) => hashNext(sum, char.charCodeAt(0)), HASH_SEED);
        const place =
          byBytes && isPlain ? dictionary.placeOfBytes(bytes, 1, 1 + text.length, hash) : dictionary.placeOf(text);
        expect(place).toBe(places.get(text));
      }
      expect(Buffer.from(dictionary.json()).toString()).toBe(JSON.stringify([...places.keys()]));
    }),
  );
});
