import { appendFileSync, copyFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A log as a web server writes it: it grows, sometimes by half a line, and is rotated. Nothing of it is ever deleted. */
export class GrowingLog {
  /** What it was rotated to, the oldest first. */
  readonly rotated: string[] = [];
  private last: Promise<void> = Promise.resolve();

  constructor(readonly path: string) {
    writeFileSync(path, '');
  }

  /** All files that hold its lines, the oldest first. */
  get files(): string[] {
    return [...this.rotated, this.path];
  }

  get sizeBytes(): number {
    return statSync(this.path).size;
  }

  /** Whole lines, in two writes: whoever looks in between sees a line that is not complete. */
  write(text: string, pauseMs: number): Promise<void> {
    return this.run(async () => {
      const half = text.length >> 1;
      appendFileSync(this.path, text.slice(0, half));
      await sleep(pauseMs);
      appendFileSync(this.path, text.slice(half));
    });
  }

  /** Renamed; the writer goes on in a new file. */
  rotateByRename(): Promise<void> {
    return this.run(async () => {
      renameSync(this.path, this.nextName());
      writeFileSync(this.path, '');
    });
  }

  /** Copied and truncated; no line comes in between, as nobody but the copy would have it. */
  rotateByCopy(): Promise<void> {
    return this.run(async () => {
      copyFileSync(this.path, this.nextName());
      truncateSync(this.path);
    });
  }

  private nextName(): string {
    const name = `${this.path}.${this.rotated.length + 1}`;
    this.rotated.push(name);
    return name;
  }

  private run(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }
}
