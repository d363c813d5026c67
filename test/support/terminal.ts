import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './command.js';

/** A real terminal (tmux), driven as a user would: press keys, read the screen. */

export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

/** A tmux server of this process's own: nobody else's sessions or settings. */
const SOCKET = `hlm-test-${process.pid}`;
const SEEN_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

let opened = 0;

const tmux = (...args: string[]): string =>
  execFileSync('tmux', ['-u', '-L', SOCKET, '-f', '/dev/null', ...args], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' },
  });

const STARTS_MAX = 5;

/** The server ends with its last session: one that begins at that moment finds it ending. */
function startSession(...args: string[]): void {
  for (let start = 1; ; start++) {
    try {
      tmux('new-session', ...args);
      return;
    } catch (error) {
      if (start === STARTS_MAX || !/server exited/.test((error as Error).message)) throw error;
    }
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

export class Terminal {
  private constructor(private readonly name: string) {}

  /** Runs the built `hlm` in a terminal of its own; once it has ended the screen says `exit` and its code. */
  static open(args: string[], { columns = 120, rows = 40, env = {} }: TerminalOptions = {}): Terminal {
    opened += 1;
    const name = `t${opened}`;
    const settings = Object.entries({ LC_ALL: 'C.UTF-8', ...env }).map(([key, value]) => `${key}=${quoted(value)}`);
    const program = [process.execPath, `${ROOT}dist/cli/hlm.js`, ...args].map(quoted).join(' ');
    const script = `env -u NO_COLOR -u CI ${settings.join(' ')} ${program}; echo "exit $?"; exec sleep 600`;
    startSession('-d', '-s', name, '-x', `${columns}`, '-y', `${rows}`, script);
    return new Terminal(name);
  }

  screen(): string {
    return tmux('capture-pane', '-p', '-t', this.name);
  }

  line(containing: string): string | undefined {
    return this.screen()
      .split('\n')
      .find((line) => line.includes(containing));
  }

  /** Keys by tmux's names: Enter, Escape, Tab, C-c, or characters. */
  press(...keys: string[]): void {
    for (const key of keys) tmux('send-keys', '-t', this.name, key);
  }

  /** Waits until the screen holds a text. */
  async see(wanted: string | RegExp, withinMs = SEEN_WITHIN_MS): Promise<void> {
    const isThere = () => {
      const screen = this.screen();
      return typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen);
    };
    const endMs = Date.now() + withinMs;
    while (!isThere()) {
      if (Date.now() > endMs)
        throw new Error(`"${wanted}" is not on the screen after ${withinMs} ms:\n${this.screen()}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** The screen with its colours as escapes. */
  coloured(): string {
    return tmux('capture-pane', '-p', '-e', '-t', this.name);
  }

  /** The process in this terminal whose command line holds a text. */
  child(command: string): number {
    const rows = execFileSync('ps', ['-o', 'pid=,args=', '-t', this.state('pane_tty')], { encoding: 'utf8' }).split(
      '\n',
    );
    const row = rows.find((each) => each.includes(command) && !each.includes('sh -c') && !each.includes('exec sleep'));
    if (!row) throw new Error(`no ${command} in this terminal:\n${rows.join('\n')}`);
    return Number(row.trim().split(' ')[0]);
  }

  resize(columns: number, rows: number): void {
    tmux('resize-window', '-t', this.name, '-x', `${columns}`, '-y', `${rows}`);
  }

  /** What tmux knows of the terminal, such as `alternate_on` and `cursor_flag`. */
  state(name: string): string {
    return tmux('display-message', '-p', '-t', this.name, `#{${name}}`).trim();
  }

  close(): void {
    tmux('kill-session', '-t', this.name);
  }
}
