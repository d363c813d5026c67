import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../../schema/log-batch.js';

const LEVEL = { level: 6 };
/**
 * Characters up to which a batch, some forty entries, is left as it is: to deflate it takes more time than all else that
 * is done with it, and saves little; it is joined with others soon.
 */
const SMALL_TEXT = 8_192;
/** What a JSON object begins with, and no deflated body (RFC 1950: 0x78). */
const BRACE = '{'.charCodeAt(0);
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body: deflated, or as JSON where it is small. */
export async function bodyOf(batch: LogBatch): Promise<Buffer> {
  const text = JSON.stringify(batch);
  return text.length <= SMALL_TEXT ? Buffer.from(text) : deflateAsync(text, LEVEL);
}

/** The batch that a chunk's body holds. */
export async function batchOfBody(body: Buffer): Promise<DecodedBatch> {
  const text = body[0] === BRACE ? body : await inflateAsync(body);
  return decodeLogBatch(JSON.parse(text.toString()));
}
