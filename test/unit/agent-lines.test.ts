// Goal: positions are bytes of the raw source, and how it is cut into chunks makes no difference.
// Method: any bytes in any chunks against splitting the whole at once; the borders by example.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LINE_BYTES_MAX, type Line, LineSplitter } from '../../agent/source/index.js';

function split(
  chunks: Uint8Array[],
  options: { start?: number; end?: boolean; looks?: readonly boolean[] } = {},
): { lines: Line[]; splitter: LineSplitter } {
  const splitter = new LineSplitter(options.start ?? 0);
  const lines: Line[] = [];
  /** Whether the next line is looked at first, and taken by its bytes where it can be. */
  const looks = options.looks ?? [false];
  const next = (): Line | null => {
    const bytes = looks[lines.length % looks.length] ? splitter.peek() : null;
    if (bytes === null) return splitter.next();
    const from = splitter.position;
    const text = decode(bytes.bytes.subarray(bytes.from, bytes.to));
    splitter.take();
    return { text, from, to: splitter.position, cut: false };
  };
  const drain = () => {
    for (let line = next(); line !== null; line = next()) lines.push(line);
  };
  for (const chunk of chunks) {
    splitter.push(Buffer.from(chunk));
    drain();
  }
  if (options.end) {
    splitter.end();
    drain();
  }
  return { lines, splitter };
}

const decode = (bytes: Buffer) => bytes.toString('utf8').replaceAll('\0', '\ufffd');

/** By the definition: cut the bytes at 0x0A, decode each part. */
function splitSimply(bytes: Buffer, start: number, end: boolean): Line[] {
  const lines: Line[] = [];
  let from = 0;
  for (let feed = bytes.indexOf(10); feed >= 0; feed = bytes.indexOf(10, from)) {
    lines.push({
      text: decode(bytes.subarray(from, feed)),
      from: start + from,
      to: start + feed + 1,
      cut: false,
    });
    from = feed + 1;
  }
  if (end && from < bytes.length) {
    lines.push({
      text: decode(bytes.subarray(from)),
      from: start + from,
      to: start + bytes.length,
      cut: false,
    });
  }
  return lines;
}

const bytes = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Buffer.from('ab\n\r ')) },
    { weight: 1, arbitrary: fc.constantFrom(0, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xe2, 0x82, 0xac) },
  ),
  { maxLength: 60 },
);

const looked = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });

test('any chunks give the same lines, positions and tails', () => {
  fc.assert(
    fc.property(
      fc.array(bytes, { maxLength: 12 }),
      fc.nat(10_000),
      fc.boolean(),
      looked,
      (parts, start, end, looks) => {
        const chunks = parts.map((part) => Uint8Array.from(part));
        const whole = Buffer.concat(chunks);
        const { lines, splitter } = split(chunks, { start, end, looks });
        expect(lines).toEqual(splitSimply(whole, start, end));
        expect(splitter.position).toBe(lines.at(-1)?.to ?? start);
        expect(splitter.readTo).toBe(start + whole.length);
        expect(splitter.tail.equals(whole.subarray(0, splitter.position - start).subarray(-1_024))).toBe(true);
        expect(splitter.readTail.equals(whole.subarray(-1_024))).toBe(true);
      },
    ),
    { numRuns: 3_000 },
  );
});

test('chunks of more than is decoded together give the same lines, whatever their lengths, beyond ASCII or not', () => {
  const texts = ['', 'a', 'x'.repeat(300), 'y'.repeat(9_000), 'NUL\0', 'z'.repeat(65_536), 'é', '\ud83d\ude00 smile'];
  for (const kinds of [4, 6, 8]) {
    const all = Array.from({ length: 3_000 }, (_, i) => texts[(i * i + i) % 97 < 90 ? i % 3 : i % kinds]);
    const whole = Buffer.from(`${all.join('\n')}\n`);
    for (const size of [200_000, 262_144, whole.length]) {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
        whole.subarray(i * size, (i + 1) * size),
      );
      expect(split(chunks, { start: 5, end: true, looks: [false] }).lines).toEqual(splitSimply(whole, 5, true));
      expect(split(chunks, { start: 5, end: true, looks: [true, false, false] }).lines).toEqual(
        splitSimply(whole, 5, true),
      );
    }
  }
});

test('tails of more than they keep, over many chunks', () => {
  const whole = Buffer.from(
    Array.from({ length: 500 }, (_, i) => `line ${i}${i % 50 === 0 ? 'x'.repeat(1_500) : ''}\n`).join(''),
  );
  for (const size of [1, 7, 100, 1_000, 1_024, 5_000]) {
    const splitter = new LineSplitter(0);
    let position = 0;
    for (let at = 0; at < whole.length; at += size) {
      splitter.push(whole.subarray(at, at + size));
      for (let line = splitter.next(); line !== null; line = splitter.next()) {
        position = line.to;
        expect(splitter.tail.equals(whole.subarray(Math.max(0, position - 1_024), position))).toBe(true);
      }
      const read = Math.min(at + size, whole.length);
      expect(splitter.readTail.equals(whole.subarray(Math.max(0, read - 1_024), read))).toBe(true);
    }
    expect(position).toBe(whole.length);
  }
});

test('the bytes before the first position are part of the tail', () => {
  const splitter = new LineSplitter(5, Buffer.from('abcd\n'));
  expect(splitter.tail.toString()).toBe('abcd\n');
  splitter.push(Buffer.from('e\nf'));
  splitter.next();
  expect(splitter.tail.toString()).toBe('abcd\ne\n');
  expect(splitter.readTail.toString()).toBe('abcd\ne\nf');
});

test.each([LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 3 * LINE_BYTES_MAX])(
  'a line of %i bytes is cut, its position is not',
  (length) => {
    const whole = Buffer.from(`${'x'.repeat(length)}\nafter\n`);
    const wanted = [
      { text: 'x'.repeat(Math.min(length, LINE_BYTES_MAX)), from: 0, to: length + 1, cut: length > LINE_BYTES_MAX },
      { text: 'after', from: length + 1, to: length + 7, cut: false },
    ];
    for (const size of [whole.length, 4_096, 65_537, 1_000]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
      for (const looks of [[false], [true]]) expect(split(chunks, { looks }).lines).toEqual(wanted);
    }
  },
);

test('a line without end costs no more memory than its first 64 KiB', () => {
  const splitter = new LineSplitter(0);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 512; i++) {
    splitter.push(Buffer.alloc(262_144, 120));
    expect(splitter.next()).toBeNull();
  }
  // 128 MiB went through; what is held is the last chunk and the line's beginning, whatever the collector left.
  splitter.push(Buffer.from('\n'));
  expect(splitter.next()).toMatchObject({ from: 0, to: 512 * 262_144 + 1, cut: true });
  globalThis.gc?.();
  expect(splitter.tail.length).toBe(1_024);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * 1_048_576);
});
