import type { Readable, Writable } from 'node:stream';
import { NONE, sectionOf, splitTarget } from '../schema/entry.js';
import type { Entry } from '../schema/log-batch.js';
import { type Clock, systemClock } from './clock.js';
import { type Format, lineParser } from './parse/index.js';
import { parseReadLine } from './parse-line.js';
import { openFile, type Source, StdinSource } from './source/index.js';

export interface DryRunOptions {
  /** Paths; `-` is standard input. */
  files: readonly string[];
  format: Format;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  clock?: Clock;
}

/** Characters written at once. */
const BLOCK_LENGTH = 65_536;

/** An entry with the keys of the API's LogEntry. */
function asLogEntry(line: number, entry: Entry): Record<string, string | number | null> {
  const target = entry.target === null ? null : splitTarget(entry.target);
  return {
    line,
    time: new Date(entry.timeMs).toISOString(),
    host: entry.host,
    user: entry.user,
    method: entry.method ?? NONE,
    path: target?.path ?? NONE,
    query: target?.query ?? null,
    section: target === null ? NONE : sectionOf(target.path),
    protocol: entry.protocol,
    status: entry.status,
    bytes: entry.bytes,
    durationMs: entry.durationMs,
    referrer: entry.referrer,
    userAgent: entry.userAgent,
  };
}

class BlockWriter {
  private block = '';
  private wake: () => void = () => {};
  private failed = false;

  constructor(private readonly stream: Writable) {
    stream.on('drain', () => this.wake());
    stream.on('close', () => this.wake());
    // Whoever reads has had enough (`| head`): no mistake.
    stream.on('error', () => {
      this.failed = true;
      this.wake();
    });
  }

  get open(): boolean {
    return !this.failed && !this.stream.destroyed;
  }

  async write(text: string): Promise<void> {
    this.block += text;
    if (this.block.length >= BLOCK_LENGTH) await this.flush();
  }

  async flush(): Promise<void> {
    const { block } = this;
    this.block = '';
    if (block === '' || !this.open || this.stream.write(block)) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}

async function dryRunSource(
  source: Source,
  prefix: string,
  format: Format,
  out: BlockWriter,
  err: BlockWriter,
): Promise<void> {
  const parse = lineParser(format);
  const endless = new AbortController().signal;
  for (let number = 1; out.open; ) {
    const line = source.next();
    if (line === null) {
      const state = await source.read();
      if (state === 'end' || state === 'replaced') return;
      if (state === 'idle') {
        // A pipe that pauses: show what there is.
        await out.flush();
        await err.flush();
        await source.wait(Number.POSITIVE_INFINITY, endless);
      }
      continue;
    }
    const parsed = parseReadLine(parse, line);
    if (typeof parsed === 'string') {
      await err.write(`${prefix}${number}: ${parsed}\n`);
    } else if (parsed !== null) await out.write(`${JSON.stringify(asLogEntry(number, parsed))}\n`);
    number++;
  }
}

/**
 * Shows what the agent would send, without a server: each entry as a line of JSON, each malformed line's number and
 * reason on standard error (with several files, after the file's name).
 *
 * @throws UserError where a file cannot be read.
 */
export async function dryRun(options: DryRunOptions): Promise<number> {
  const clock = options.clock ?? systemClock;
  const out = new BlockWriter(options.stdout);
  const err = new BlockWriter(options.stderr);
  for (const file of options.files) {
    const source =
      file === '-'
        ? new StdinSource(options.stdin)
        : await openFile(file, { once: true, wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs });
    try {
      await dryRunSource(source, options.files.length > 1 ? `${file}:` : '', options.format, out, err);
    } finally {
      await source.close();
    }
  }
  await out.flush();
  await err.flush();
  return 0;
}
