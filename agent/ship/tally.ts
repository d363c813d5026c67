import type { Batch } from './batch.js';

/** Lines acknowledged, of one source since the agent started. */
export class Tally {
  accepted = 0;
  malformed = 0;
  quarantined = 0;
  skipped = 0;

  /**
   * @param answer what the server made of it, which may refuse more than the parser did; null where it had taken the
   *   batch in before, and only the parser's numbers are known.
   */
  add(batch: Batch, answer: { accepted: number; quarantined: number } | null): void {
    const entries = batch.count;
    const { accepted, quarantined } = answer ?? { accepted: entries, quarantined: 0 };
    this.accepted += accepted;
    this.quarantined += quarantined;
    this.malformed += batch.malformed + Math.max(0, entries - accepted - quarantined);
    this.skipped += batch.skipped;
  }

  toString(): string {
    const quarantined = this.quarantined > 0 ? `, ${this.quarantined} quarantined` : '';
    return `${this.accepted} accepted, ${this.malformed} malformed${quarantined}, ${this.skipped} skipped`;
  }
}
