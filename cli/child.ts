import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('./hlm.js', import.meta.url));
/** A log larger than this when a run begins is begun anew: it is for finding out what just went wrong. */
const LOG_BYTES_MAX = 10 * 1024 * 1024;
/** How commands say what the user can mend (cli/hlm.ts). */
const MISTAKE = /^hlm: /;

export interface ChildOptions {
  /** What it is called in messages: "server". */
  name: string;
  /** Sub-command and options of the one binary. */
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  logPath: string;
}

/** One of our own commands as a process beside this one: its output goes to a log, its end is told. */
export class Child {
  /** Once it has ended, why, in one line. */
  readonly ended: Promise<string>;
  private readonly process: ChildProcess;
  private readonly log: WriteStream;
  private readonly listeners = new Set<(line: string) => void>();
  /** The last mistake that it named. */
  private mistake: string | null = null;

  constructor(options: ChildOptions) {
    const { name, args, env, logPath } = options;
    this.log = openLog(logPath);
    // In a group of its own, so that Ctrl-C in the terminal reaches this process alone, which ends the children in
    // order; and on a channel, whose end tells them that this process is gone, however it went.
    this.process = spawn(process.execPath, [BINARY, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    const { stdout, stderr } = this.process;
    const heard = [
      this.readLines(stdout as Readable, (line) => {
        for (const listener of this.listeners) listener(line);
      }),
      this.readLines(stderr as Readable, (line) => {
        if (!MISTAKE.test(line)) return;
        this.mistake = line.replace(MISTAKE, '');
        // It ends now; while it listens for the channel's end, an open channel would keep it.
        if (this.process.connected) this.process.disconnect();
      }),
    ];
    const exited = new Promise<string>((resolve) => {
      this.process.once('error', (error) => resolve(`the ${name} could not be started: ${error.message}`));
      this.process.once('exit', (code, signal) =>
        resolve(`the ${name} ended unexpectedly (${signal ?? `code ${code}`}); see ${logPath}`),
      );
    });
    // Not by "close", which never comes where this side closed the channel.
    this.ended = Promise.all([exited, ...heard]).then(([how]) => {
      this.log.end();
      return this.mistake ?? how;
    });
  }

  /** The first line of its output that `pattern` matches. Never answers where there is none: see `ended`. */
  firstLine(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve) => {
      const listener = (line: string): void => {
        const found = pattern.exec(line);
        if (found === null) return;
        this.listeners.delete(listener);
        resolve(found);
      };
      this.listeners.add(listener);
    });
  }

  /** Asks it to end, and ends it by force where it has not after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.process.kill('SIGTERM');
    const force = setTimeout(() => this.process.kill('SIGKILL'), graceMs);
    await this.ended;
    clearTimeout(force);
  }

  /** Takes each line, and keeps it in the log; done once there will be no more. */
  private readLines(from: Readable, take: (line: string) => void): Promise<void> {
    return new Promise((resolve) => {
      createInterface({ input: from })
        .on('line', (line) => {
          this.log.write(`${line}\n`);
          take(line);
        })
        .once('close', resolve);
    });
  }
}

function openLog(path: string): WriteStream {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES_MAX) rmSync(path);
  const log = createWriteStream(path, { flags: 'a', mode: 0o600 });
  // A full disk must not end what is logged.
  log.on('error', () => undefined);
  return log;
}
