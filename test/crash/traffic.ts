import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulator/random.js';
import type { GrowingLog } from './growing-log.js';
import { makeLine } from './lines.js';

/** Event times of a log's next lines, and how many of them come now. */
export interface Tempo {
  /** @param nowMs wall clock */
  next(nowMs: number): { timesMs: number[]; errorShare: number };
}

/** A tick of the writer, milliseconds: several within a second. */
const TICK_MS = 100;
/** Some lines at least stand in the log when its writer stops. */
const STOP_AT_BYTES_MIN = 1_000;

/** Requests of a tick. */
const BUSY = 16;
const QUIET = 1;

/** Requests of now, busy and quiet in turns, some spells full of errors: rules fire and recover. */
export class LiveTempo implements Tempo {
  private phaseEndsMs = 0;
  private perTick = QUIET;
  private errorShare = 0;

  constructor(private readonly random: Random) {}

  next(nowMs: number): { timesMs: number[]; errorShare: number } {
    const { random } = this;
    if (nowMs >= this.phaseEndsMs) {
      this.phaseEndsMs = nowMs + 3_000 + random.below(7_000);
      this.perTick = this.perTick === BUSY ? QUIET : BUSY;
      this.errorShare = random.chance(0.3) ? 0.7 : 0.05;
    }
    const timesMs = Array.from({ length: random.poisson(this.perTick) }, () => nowMs);
    return { timesMs, errorShare: this.errorShare };
  }
}

/** Requests of the past, whose clock runs through months: short spells, long silences, some lines hours late. */
export class PastTempo implements Tempo {
  private timeMs: number;
  private spellEndsMs = 0;

  constructor(
    private readonly random: Random,
    startMs: number,
  ) {
    this.timeMs = startMs;
  }

  next(): { timesMs: number[]; errorShare: number } {
    const { random } = this;
    const timesMs = Array.from({ length: random.poisson(9) }, () => {
      if (this.timeMs >= this.spellEndsMs) {
        this.timeMs += random.below(30 * 3_600_000);
        this.spellEndsMs = this.timeMs + 60_000 + random.below(400_000);
      }
      this.timeMs += random.below(800);
      return random.chance(0.02) ? this.timeMs - this.lateness() : this.timeMs;
    });
    return { timesMs, errorShare: 0.1 };
  }

  /** Mostly minutes, sometimes hours. */
  private lateness(): number {
    return this.random.below(this.random.chance(0.9) ? 300_000 : 3 * 3_600_000);
  }
}

/** Numbers of lines, in the whole run. */
export interface Numbers {
  next: number;
}

/** Writes a log until stopped. */
export class Writer {
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly log: GrowingLog,
    private readonly tempo: Tempo,
    private readonly numbers: Numbers,
    private readonly random: Random,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    const { random } = this;
    // A log that is read but once must not be empty.
    while (!this.stopped || this.log.sizeBytes < STOP_AT_BYTES_MIN) {
      const { timesMs, errorShare } = this.tempo.next(Date.now());
      const text = timesMs.map((timeMs) => makeLine(random, this.numbers.next++, timeMs, errorShare)).join('');
      if (text !== '') await this.log.write(text, random.below(20));
      await sleep(TICK_MS / 2 + random.below(TICK_MS));
    }
  }
}
