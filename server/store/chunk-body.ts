import { promisify } from 'node:util';
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../../schema/log-batch.js';

const LEVEL = { level: 6 };
/** Characters or bytes up to which handing the work to another thread costs more than doing it: some 20 entries. */
const SMALL_TEXT = 8_192;
const SMALL_BODY = 2_048;
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body. */
export async function deflated(batch: LogBatch): Promise<Buffer> {
  const text = JSON.stringify(batch);
  return text.length <= SMALL_TEXT ? deflateSync(text, LEVEL) : deflateAsync(text, LEVEL);
}

/** The batch that a chunk's body holds. */
export async function inflated(body: Buffer): Promise<DecodedBatch> {
  const text = body.length <= SMALL_BODY ? inflateSync(body) : await inflateAsync(body);
  return decodeLogBatch(JSON.parse(text.toString()));
}
