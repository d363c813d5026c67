import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = `${ROOT}dist/cli/hlm.js`;

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  child: ChildProcessWithoutNullStreams;
  /** What it printed so far. */
  output: { stdout: string; stderr: string };
  finished: Promise<Finished>;
}

export interface CommandOptions {
  env?: Record<string, string>;
  input?: string;
  /** Killed after this. */
  withinMs?: number;
}

/** Runs the built `hlm` as a user would, with a clean environment of settings. */
export function hlm(args: string[], options: CommandOptions = {}): RunningCommand {
  return runProgram(process.execPath, [BINARY, ...args], options);
}

export function runProgram(
  program: string,
  args: string[],
  { env = {}, input, withinMs = 60_000 }: CommandOptions = {},
): RunningCommand {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HLM_|DATABASE_URL|PORT$|HOST$|NODE_OPTIONS)/.test(name),
  );
  const child = spawn(program, args, { cwd: ROOT, env: { ...Object.fromEntries(inherited), ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...output });
    });
  });
  return { child, output, finished };
}
