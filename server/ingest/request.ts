import type { DecodedBatch, LogBatch } from '../../schema/log-batch.js';
import type { Refusal, Rejection } from './place.js';

export interface AppendRequest {
  tenantId: string;
  agentName: string;
  /** Null: the agent's stream `direct`, whose position the server advances by the number of lines. */
  stream: {
    id: string;
    epoch: number | null;
    tail: { length: number; sha256: string } | null;
    from: number;
    to: number;
  } | null;
  batch: DecodedBatch;
  /** The value that it came as, which is empty from now on; null: none. */
  wire: LogBatch | null;
  /** Lines that the agent could not parse, and left out. */
  malformed: number;
  skipped: number;
  rejections: Rejection[];
}

export interface AppendResult {
  outcome: 'APPENDED' | 'DUPLICATE' | 'OUT_OF_SEQUENCE' | 'FENCED';
  agentId: string;
  /** From which the server expects the stream to go on. */
  position: number | null;
  accepted: number;
  late: number;
  malformed: number;
  quarantined: number;
  /** Starts of the windows that changed, milliseconds; empty where nothing did. */
  windowStarts: number[];
  revision: number;
  /** Where its entries are; null: nothing was appended. */
  stored: StoredBatch | null;
}

/** A batch that was appended, under the name that its chunks have. */
export interface StoredBatch {
  streamId: string;
  from: number;
  /** 1 where an entry was not taken in. */
  left: Uint8Array;
}

/** A request that is tried. */
export interface Attempt {
  request: AppendRequest;
  /** The batch as a chunk holds it: it is needed at the end of the transaction only. */
  body: Promise<Buffer>;
  /** Entries that the database refused before; null: none. */
  refusal: Refusal | null;
}
