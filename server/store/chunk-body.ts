import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync, type ZlibOptions } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch } from '../../schema/log-batch.js';
import { type PackedBatch, packBatch, unpackBatch } from '../core/retention/packed.js';
import { ByteReader, putNumber } from '../core/windows/bytes.js';

/** Level 6 takes more than twice as long as this, for a twelfth fewer bytes. */
const TEXTS: ZlibOptions = { level: 4 };
/** Of numbers looking any further finds little: level 4 takes a quarter to a half longer, for three hundredths fewer bytes. */
const NUMBERS: ZlibOptions = { level: 1 };
/** Bytes that come out at a time, of what takes a thread: all of it, mostly. */
const OUT_AT_ONCE = 131_072;
/** Of so few bytes, handing them to another thread takes many times as long as the work itself. */
const SMALL_INFLATED = 16_384;
const SMALL_DEFLATED = 4_096;
/** Bytes up to which a batch, some forty entries, is first left as it is: it is soon joined with others. */
const PLAIN_BYTES = 4_096;

/**
 * What a body begins with: a packed batch as it is, or both parts of it deflated (RFC 1950), each behind the size of the
 * texts; or, as they were written before, a LogBatch as JSON, or that deflated.
 */
const FORM = { PLAIN: 1, DEFLATED: 2, JSON: '{'.charCodeAt(0) };

const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body, deflated. */
export async function deflatedBody(batch: DecodedBatch): Promise<Buffer> {
  return deflatedParts(packBatch(batch));
}

/**
 * The same of a batch that is taken in: as it is where it is small. To deflate it would take more time than all else that
 * is done with it.
 */
export async function freshBody(batch: DecodedBatch): Promise<Buffer> {
  const packed = packBatch(batch);
  const { texts, numbers } = packed;
  return texts.length + numbers.length <= PLAIN_BYTES ? joined(FORM.PLAIN, texts, numbers) : deflatedParts(packed);
}

async function deflatedParts({ texts, numbers }: PackedBatch): Promise<Buffer> {
  return joined(FORM.DEFLATED, ...(await Promise.all([deflated(texts, TEXTS), deflated(numbers, NUMBERS)])));
}

function joined(form: number, texts: Buffer, numbers: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head[0] = form;
  const end = putNumber(head, 1, texts.length);
  return Buffer.concat([head.subarray(0, end), texts, numbers]);
}

/** The batch that a chunk's body holds. */
export async function batchOfBody(body: Buffer): Promise<DecodedBatch> {
  const [form] = body;
  if (form !== FORM.PLAIN && form !== FORM.DEFLATED)
    return decodeLogBatch(JSON.parse((await textOfBody(body)).toString()));
  const reader = new ByteReader(body.subarray(1));
  const texts = reader.bytes(reader.number());
  const numbers = reader.rest();
  if (form === FORM.PLAIN) return unpackBatch({ texts, numbers });
  const [inflatedTexts, inflatedNumbers] = await Promise.all([inflated(texts), inflated(numbers)]);
  return unpackBatch({ texts: inflatedTexts, numbers: inflatedNumbers });
}

/** A text as bytes that `textOfBody` reads. */
export function deflatedText(text: string): Promise<Buffer> {
  return deflated(Buffer.from(text), TEXTS);
}

/** The text that was deflated, or left as it is. */
export async function textOfBody(body: Buffer): Promise<Buffer> {
  return body[0] === FORM.JSON ? body : inflated(body);
}

async function deflated(bytes: Buffer, options: ZlibOptions): Promise<Buffer> {
  return bytes.length <= SMALL_INFLATED
    ? deflateSync(bytes, options)
    : deflateAsync(bytes, { ...options, chunkSize: OUT_AT_ONCE });
}

async function inflated(bytes: Buffer): Promise<Buffer> {
  return bytes.length <= SMALL_DEFLATED ? inflateSync(bytes) : inflateAsync(bytes, { chunkSize: OUT_AT_ONCE });
}
