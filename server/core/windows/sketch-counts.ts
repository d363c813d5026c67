import type { DecodedBatch } from '../../../schema/log-batch.js';
import { placesOf, ValueCounter } from '../sketches/dd-sketch.js';
import { addHostHashes, emptyHostSet, encodeHosts, hashHost, LISTED_HOSTS } from '../sketches/host-set.js';
import type { Breakdown, EncodedBreakdown } from './breakdown.js';

const valueCounter = new ValueCounter();

/** Values of entries, NaN where one has none, with their places in a sketch. */
interface Values {
  values: Float64Array;
  places: Uint16Array;
}

/** Sizes and times of responses, and clients: what takes a logarithm or a hash is made once a batch. */
export class SketchCounts {
  private readonly sizes: Values;
  private readonly durations: Values | null;
  private readonly hashes: Float64Array;
  /** By a host's place in the dictionary: the last window that it was seen in. */
  private readonly seenIn: Uint32Array;
  private windows = 0;

  constructor(private readonly batch: DecodedBatch) {
    const { bytes, durationMs, columns } = batch;
    this.sizes = { values: bytes, places: placesOf(bytes) };
    this.durations = durationMs && { values: durationMs, places: placesOf(durationMs) };
    this.hashes = Float64Array.from(columns.host.dict, hashHost);
    this.seenIn = new Uint32Array(this.hashes.length);
  }

  countInto(breakdown: Breakdown, entries: Int32Array): void {
    this.count(this.sizes, entries);
    valueCounter.flush(breakdown.size);
    this.count(this.durations, entries);
    valueCounter.flush(breakdown.duration);
    addHostHashes(breakdown.hosts, this.hashesOf(entries));
  }

  /**
   * As `countInto` an empty breakdown, encoded.
   *
   * @param areListed all hosts are, in their top
   */
  encoded(entries: Int32Array, areListed: boolean): Pick<EncodedBreakdown, 'SIZE' | 'DURATION' | 'HOSTS'> {
    this.count(this.sizes, entries);
    const size = valueCounter.flushEncoded();
    this.count(this.durations, entries);
    const hosts = areListed ? LISTED_HOSTS : this.encodedHosts(entries);
    return { SIZE: size, DURATION: valueCounter.flushEncoded(), HOSTS: hosts };
  }

  private encodedHosts(entries: Int32Array): Buffer {
    const hosts = emptyHostSet();
    addHostHashes(hosts, this.hashesOf(entries));
    return encodeHosts(hosts);
  }

  private count(from: Values | null, entries: Int32Array): void {
    if (from === null) return;
    const { values, places } = from;
    for (const i of entries) if (!Number.isNaN(values[i])) valueCounter.count(values[i], places[i]);
  }

  private hashesOf(entries: Int32Array): Float64Array {
    const { index } = this.batch.columns.host;
    const found = new Float64Array(entries.length);
    let count = 0;
    this.windows++;
    for (const i of entries) {
      const place = index[i] - 1;
      if (place < 0 || this.seenIn[place] === this.windows) continue;
      this.seenIn[place] = this.windows;
      found[count++] = this.hashes[place];
    }
    return found.subarray(0, count);
  }
}
