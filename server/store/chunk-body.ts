import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../../schema/log-batch.js';

const DEFLATE_LEVEL = 6;
const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** A batch as a chunk's body. */
export function deflated(batch: LogBatch): Promise<Buffer> {
  return deflateAsync(JSON.stringify(batch), { level: DEFLATE_LEVEL });
}

/** The batch that a chunk's body holds. */
export async function inflated(body: Buffer): Promise<DecodedBatch> {
  return decodeLogBatch(JSON.parse((await inflateAsync(body)).toString()));
}
