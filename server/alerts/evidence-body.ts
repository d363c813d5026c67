import { type DecodedBatch, decodeLogBatch, type LogBatch, TEXT_COLUMNS } from '../../schema/log-batch.js';
import { batchAt } from '../core/retention/merge.js';
import { batchOfBody, deflatedText, textOfBody } from '../store/chunk-body.js';
import { type LogPlace, type ReadBatch, type StoredEntry, storedEntry } from '../store/logs.js';

/** Entries of an alert as they are stored: in columns, as batches are, and where each of them came from. */
interface EvidenceBody {
  batch: LogBatch;
  /** Ids of streams; `stream` has places in it. */
  streams: string[];
  stream: number[];
  from: number[];
  ordinal: number[];
}

/** Entries of one agent, in their order. */
export function encodeEvidence(places: readonly LogPlace[]): Promise<Buffer> {
  const streams = [...new Set(places.map(({ key }) => key.streamId))];
  const body: EvidenceBody = {
    batch: wireOf(batchAt(places)),
    streams,
    stream: places.map(({ key }) => streams.indexOf(key.streamId)),
    from: places.map(({ key }) => key.from),
    ordinal: places.map(({ key }) => key.ordinal),
  };
  return deflatedText(JSON.stringify(body));
}

function wireOf({ count, timeMs, status, bytes, durationMs, columns }: DecodedBatch): LogBatch {
  const wire: LogBatch = {
    version: 1,
    count,
    base: timeMs[0] ?? 0,
    time: Array.from(timeMs, (time, i) => (i === 0 ? 0 : time - timeMs[i - 1])),
    status: [...status],
    bytes: [...bytes],
    columns: {},
  };
  if (durationMs !== null) wire.duration = Array.from(durationMs, (ms) => (Number.isNaN(ms) ? null : ms));
  for (const name of TEXT_COLUMNS) {
    const { dict, index } = columns[name];
    if (dict.length > 0) wire.columns[name] = { dict, index: [...index] };
  }
  return wire;
}

/** @param first at most so many of them */
export async function decodeEvidence(bytes: Buffer, agentId: string, first: number): Promise<StoredEntry[]> {
  const body = JSON.parse((await textOfBody(bytes)).toString()) as EvidenceBody;
  const batch = decodeLogBatch(body.batch);
  return Array.from({ length: Math.min(first, batch.count) }, (_, place) => {
    const streamId = body.streams[body.stream[place]];
    const key = { timeMs: batch.timeMs[place], streamId, from: body.from[place], ordinal: body.ordinal[place] };
    return storedEntry({ key, agentId, batch, place });
  });
}

/** Decoded batches that are remembered, a megabyte each at most. */
const BATCHES_MAX = 4;

/** Alerts of an agent that come one after another lie in the same chunks, which are decoded once. */
export function rememberingReader(): ReadBatch {
  const known: { body: Buffer; batch: ReturnType<typeof batchOfBody> }[] = [];
  return (body) => {
    const found = known.findIndex((one) => one.body.equals(body));
    const [one] = found < 0 ? [{ body, batch: batchOfBody(body) }] : known.splice(found, 1);
    known.unshift(one);
    known.splice(BATCHES_MAX);
    return one.batch;
  };
}
