import type { Clock } from '../clock.js';
import { otherFormat } from '../format-check.js';
import {
  type FirstLines,
  type Format,
  lineParser,
  type ParseLine,
  PlainClfReader,
  readsPlainClf,
} from '../parse/index.js';
import { parseReadLine } from '../parse-line.js';
import type { Source } from '../source/index.js';
import { type Batch, BatchDraft, type BatchLimits, BatchRoom } from './batch.js';
import type { Pace } from './pace.js';
import type { Turns } from './turns.js';

/** A batch goes so long after its first line, full or not. */
export const LINGER_MS = 200;
/** Lines between two looks at the clock, some ten microseconds of work. */
const LINES_PER_LOOK = 16;

export interface FillOptions {
  source: Source;
  format: Format;
  /** Tells whether this is a log at all, where that is not known yet: nothing goes until it is. */
  firstLines: FirstLines;
  clock: Clock;
  pace: Pace;
  turns: Turns;
  say: (line: string) => void;
}

/** `batch`: to be sent; else why there is none: the pace, no lines for now, none ever, other content, told to stop. */
export type Filled =
  | { kind: 'batch'; batch: Batch }
  | { kind: 'paced'; waitMs: number }
  | { kind: 'idle' | 'end' | 'replaced' | 'halted' };

/** Makes batches of a source's lines. */
export class Filler {
  private readonly parse: ParseLine;
  private readonly plain: PlainClfReader | null;
  private readonly room = new BatchRoom();
  private saidMalformed = false;

  constructor(private readonly options: FillOptions) {
    this.parse = lineParser(options.format);
    this.plain = readsPlainClf(options.format) ? new PlainClfReader() : null;
  }

  /**
   * Collects lines until the batch is full, LINGER_MS have passed since its first one, or no more are coming.
   *
   * @throws UserError where the source turns out to be no log.
   */
  async fill(limits: BatchLimits, halt: AbortSignal): Promise<Filled> {
    const { source, clock, pace, turns } = this.options;
    const draft = new BatchDraft(limits, this.room);
    let deadlineMs = Number.POSITIVE_INFINITY;
    while (!halt.aborted) {
      const nowMs = clock.monotonicMs();
      if (draft.full || nowMs >= deadlineMs) return this.batchOf(draft);
      const paceMs = pace.waitMs(nowMs);
      if (paceMs === 0 && this.take(draft)) {
        if (deadlineMs === Number.POSITIVE_INFINITY && this.mayGo) deadlineMs = nowMs + LINGER_MS;
        continue;
      }
      if (paceMs > 0 && draft.lines === 0) return { kind: 'paced', waitMs: paceMs };
      if (paceMs > 0) {
        await clock.sleep(Math.min(paceMs, deadlineMs - nowMs), halt);
        continue;
      }
      await turns.room();
      const state = await source.read();
      if (state === 'data') continue;
      if (state === 'end') this.atEnd();
      if (state !== 'idle') return draft.lines > 0 ? this.batchOf(draft) : { kind: state };
      if (draft.lines === 0) return { kind: 'idle' };
      await source.wait(deadlineMs - nowMs, halt);
    }
    return { kind: 'halted' };
  }

  private get mayGo(): boolean {
    return this.options.firstLines.verdict === 'fits';
  }

  /** Moves some of the lines already read into the draft; false where there is none. */
  private take(draft: BatchDraft): boolean {
    const { source, pace, firstLines, clock } = this.options;
    for (let taken = 0; taken < LINES_PER_LOOK && !draft.full; taken++) {
      if (taken > 0 && pace.waitMs(clock.monotonicMs()) > 0) return true;
      if (this.takePlain(draft)) continue;
      const line = source.next();
      if (line === null) return taken > 0;
      pace.take();
      const parsed = parseReadLine(this.parse, line);
      draft.add(line, parsed);
      if (firstLines.verdict === 'open') this.noteFirst(parsed);
      if (typeof parsed === 'string') this.sayMalformed(line.from, parsed);
    }
    return true;
  }

  /** The next line, where it is a plain one: without a text or an object of its own. */
  private takePlain(draft: BatchDraft): boolean {
    if (this.plain === null || !this.mayGo) return false;
    const { source, pace } = this.options;
    const line = source.peek();
    if (line === null || !draft.addPlain(line, source.position, this.plain)) return false;
    source.take();
    pace.take();
    return true;
  }

  private noteFirst(parsed: ReturnType<ParseLine>): void {
    const { firstLines, source, format } = this.options;
    firstLines.note(parsed);
    if (firstLines.verdict === 'other') throw otherFormat(source.label, format, firstLines);
  }

  private atEnd(): void {
    const { firstLines, source, format } = this.options;
    firstLines.end();
    if (firstLines.verdict === 'other') throw otherFormat(source.label, format, firstLines);
  }

  private batchOf(draft: BatchDraft): Filled {
    return { kind: 'batch', batch: draft.build(this.options.source.tail()) };
  }

  private sayMalformed(position: number, reason: string): void {
    if (this.saidMalformed || !this.mayGo) return;
    this.saidMalformed = true;
    this.options.say(
      `${this.options.source.label}: malformed line at byte ${position}: ${reason} (further ones are only counted)`,
    );
  }
}
