import type { ParsedLine } from './parsed.js';

/** So many lines, blank ones aside, show whether a source is a log: banners and a cut first line are shorter. */
export const FIRST_LINES = 100;

/** `fits`: an entry was among the first lines; `other`: none was among so many; `open`: too early to say. */
export type FirstLinesVerdict = 'open' | 'fits' | 'other';

/** Tells a log in a known format from anything else by the source's first lines. */
export class FirstLines {
  verdict: FirstLinesVerdict = 'open';
  /** The first line that was no entry, counted from 1. */
  firstMalformed: { line: number; reason: string } | null = null;
  private lines = 0;
  private malformed = 0;

  note(parsed: ParsedLine): void {
    this.lines++;
    if (parsed === null || this.verdict !== 'open') return;
    if (typeof parsed !== 'string') {
      this.verdict = 'fits';
      return;
    }
    this.firstMalformed ??= { line: this.lines, reason: parsed };
    if (++this.malformed >= FIRST_LINES) this.verdict = 'other';
  }

  /** The source has no more lines. */
  end(): void {
    if (this.verdict === 'open' && this.malformed > 0) this.verdict = 'other';
  }
}
