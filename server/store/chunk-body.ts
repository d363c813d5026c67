import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../../schema/log-batch.js';

/** Level 6 takes nearly three times as long as this, for a twentieth fewer bytes. */
const OPTIONS = { level: 4 };
/** Bytes that come out at a time, of what takes a thread: all of it, mostly. */
const OUT_AT_ONCE = 131_072;
/** Of so few bytes, handing them to another thread takes many times as long as the work itself. */
const SMALL_TEXT = 16_384;
const SMALL_BODY = 4_096;
/** Bytes up to which a batch, some forty entries, is first left as it is: it is soon joined with others. */
const PLAIN_TEXT = 8_192;
/** What a JSON object begins with, and no deflated body (RFC 1950: 0x78). */
const BRACE = '{'.charCodeAt(0);
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body, deflated. */
export function deflated(batch: LogBatch): Promise<Buffer> {
  return deflatedText(JSON.stringify(batch));
}

/**
 * The same of a batch that is taken in: as JSON where it is small. To deflate it would take more time than all else that
 * is done with it.
 */
export function freshBody(batch: LogBatch): Promise<Buffer> {
  return freshBodyOfText(Buffer.from(JSON.stringify(batch)));
}

/** The same of a batch's JSON, which is UTF-8 and begins with its brace. */
export async function freshBodyOfText(text: Uint8Array): Promise<Buffer> {
  return text.length <= PLAIN_TEXT ? Buffer.from(text) : deflatedText(text);
}

/** The batch that a chunk's body holds. */
export async function batchOfBody(body: Buffer): Promise<DecodedBatch> {
  return decodeLogBatch(JSON.parse((await textOfBody(body)).toString()));
}

/** A text as bytes that `textOfBody` reads. */
export async function deflatedText(text: string | Uint8Array): Promise<Buffer> {
  return text.length <= SMALL_TEXT
    ? deflateSync(text, OPTIONS)
    : deflateAsync(text, { ...OPTIONS, chunkSize: OUT_AT_ONCE });
}

/** The text that was deflated, or left as it is. */
export async function textOfBody(body: Buffer): Promise<Buffer> {
  if (body[0] === BRACE) return body;
  return body.length <= SMALL_BODY ? inflateSync(body) : inflateAsync(body);
}
