// Goal: a column of tops holds what they counted: addresses, other texts, counts of any size; those written before too.
// Method: random tops, pruned or not, written in both forms and read; a decimal parser of addresses beside ours.
import { isIPv4 } from 'node:net';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ipv4Of, ipv4Texts } from '../../server/core/sketches/ipv4.js';
import { addKey, emptyTops, heaviest, pruneTops, type Tops } from '../../server/core/sketches/tops.js';
import {
  addressesOf,
  decodeTopsInto,
  encodeCounted,
  encodeTops,
  isCompleteColumn,
  keysOfColumn,
} from '../../server/core/sketches/tops-column.js';
import { ByteWriter } from '../../server/core/windows/bytes.js';
import { cleanTexts, counts } from '../support/arbitraries.js';

const addressBytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
const addresses = addressBytes.map((parts) => parts.join('.'));
/** Addresses, and what is nearly one. */
const nearly = fc.oneof(
  addresses,
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.stringMatching(/^[0-9.]{0,16}$/),
  fc
    .tuple(addresses, fc.constantFrom('', ' ', '.', '0', ':80', '٣'), fc.boolean())
    .map(([address, more, front]) => (front ? more + address : address + more)),
);
const keys = fc.oneof(nearly, cleanTexts);

const list = fc.uniqueArray(
  fc.tuple(keys, fc.record({ hits: counts, bytes: counts, clientErrors: counts, serverErrors: counts })),
  {
    selector: ([key]) => key,
    maxLength: 30,
  },
);

const listed = (tops: Tops) => ({ floor: tops.floor, keys: heaviest(tops, Number.POSITIVE_INFINITY) });

function topsOf(counted: Iterable<[string, Parameters<typeof addKey>[2]]>, keysMax = Number.POSITIVE_INFINITY): Tops {
  const tops = emptyTops();
  for (const [key, about] of counted) addKey(tops, key, about);
  pruneTops(tops, keysMax);
  return tops;
}

function decoded(column: Buffer): Tops {
  const tops = emptyTops();
  decodeTopsInto(tops, column);
  return tops;
}

/** As columns were written before addresses were bytes. */
function formerColumn(tops: Tops): Buffer {
  if (tops.keys.length === 0) return Buffer.alloc(0);
  const writer = new ByteWriter();
  writer.number(tops.floor);
  writer.text(tops.keys.join(''));
  const byKey = new Map(heaviest(tops, Number.POSITIVE_INFINITY).map((one) => [one.key, one]));
  for (const key of tops.keys) {
    const { hits, bytes, clientErrors, serverErrors, maxError } = byKey.get(key)!;
    for (const number of [key.length, hits, bytes, clientErrors, serverErrors]) writer.number(number);
    if (tops.floor > 0) writer.number(maxError);
  }
  return writer.finish();
}

test('an address is one whose text comes back, and every address in its usual form is one', () => {
  fc.assert(
    fc.property(keys, (text) => {
      const number = ipv4Of(text);
      const canonical = isIPv4(text) && text === text.split('.').map(Number).join('.');
      expect(number >= 0).toBe(canonical);
      if (number < 0) return;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      expect(ipv4Texts(bytes)).toEqual([text]);
    }),
    { numRuns: 2_000 },
  );
  expect(['0.0.0.0', '255.255.255.255', '127.0.0.1'].map(ipv4Of)).toEqual([0, 2 ** 32 - 1, 2_130_706_433]);
});

test('any number of addresses come back', () => {
  fc.assert(
    fc.property(fc.array(addressBytes, { maxLength: 50 }), fc.integer({ min: 1, max: 200 }), (some, times) => {
      const all = Array.from({ length: times }, () => some).flat();
      expect(ipv4Texts(Buffer.concat(all))).toEqual(all.map((parts) => parts.join('.')));
    }),
  );
});

test('a column says what the tops say, in this form and the former, and whether it lists all', () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 40 }), (counted, keysMax) => {
      const tops = topsOf(counted, keysMax);
      for (const column of [encodeTops(tops), formerColumn(tops)]) {
        expect(listed(decoded(column))).toEqual(listed(tops));
        expect(isCompleteColumn(column)).toBe(tops.floor === 0 && tops.keys.length > 0);
        expect([...keysOfColumn(column)].sort()).toEqual([...tops.keys].sort());
      }
    }),
    { numRuns: 500 },
  );
});

test('what was counted by places makes the same column', () => {
  fc.assert(
    fc.property(list, (counted) => {
      const keys = counted.map(([key]) => key);
      const column = (name: 'hits' | 'bytes' | 'clientErrors' | 'serverErrors') =>
        Float64Array.of(0, ...counted.map(([, about]) => about[name]));
      const columns = {
        hits: column('hits'),
        bytes: column('bytes'),
        clientErrors: column('clientErrors'),
        serverErrors: column('serverErrors'),
      };
      const places = keys.map((_, i) => i + 1);
      const encoded = encodeCounted({ keys, addresses: addressesOf(keys) }, places, columns);
      expect(encoded.equals(encodeTops(topsOf(counted)))).toBe(true);
    }),
  );
});

test('an address with a hit takes seven bytes of a column, two of them its size', () => {
  const about = { hits: 1, bytes: 5_000, clientErrors: 0, serverErrors: 0 };
  const tops = topsOf(Array.from({ length: 100 }, (_, i) => [`203.0.113.${i}`, about]));
  expect(encodeTops(tops)).toHaveLength(2 + 1 + 1 + 1 + 100 * 7);
});
