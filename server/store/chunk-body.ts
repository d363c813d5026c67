import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../../schema/log-batch.js';

const OPTIONS = { level: 6 };
/** Of so few bytes, handing them to another thread takes many times as long as the work itself. */
const SMALL_TEXT = 16_384;
const SMALL_BODY = 4_096;
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body. */
export async function deflated(batch: LogBatch): Promise<Buffer> {
  const text = JSON.stringify(batch);
  return text.length <= SMALL_TEXT ? deflateSync(text, OPTIONS) : deflateAsync(text, OPTIONS);
}

/** The batch that a chunk's body holds. */
export async function inflated(body: Buffer): Promise<DecodedBatch> {
  const text = body.length <= SMALL_BODY ? inflateSync(body) : await inflateAsync(body);
  return decodeLogBatch(JSON.parse(text.toString()));
}
