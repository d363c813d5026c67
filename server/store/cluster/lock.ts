import { chmodSync, readFileSync, statSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../../schema/user-error.js';
import { makeFolder } from './folder.js';

/** When a process began, in the kernel's ticks: tells it from a later one with the same pid. Empty where unknown. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Whether the process lives, by its pid and, where the system tells, its start. */
export function isRunning(pid: number, start = ''): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return start === '' || startOf(pid) === start;
}

/** A folder that was there before may be open to all. Of another owner it is that one's business. */
function keepToOwner(folder: string): void {
  const { uid, mode } = statSync(folder);
  if (uid === process.getuid?.() && (mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
}

/**
 * Makes the data folder, for its owner alone, and claims it for this process. A claim whose process is dead (kill -9) is taken over.
 *
 * @returns what gives it back.
 * @throws UserError where the folder cannot be written, or a running server holds it.
 */
export async function claimDataFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'server.lock');
  try {
    makeFolder(folder);
    keepToOwner(folder);
    for (let attempt = 0; attempt < 5; attempt++) {
      const claim = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      if (claim) {
        await claim.writeFile(`${process.pid} ${startOf(process.pid)}\n`);
        await claim.close();
        return () => rm(file, { force: true });
      }
      const [pid, start] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
      if (pid && isRunning(Number(pid), start)) {
        throw new UserError(`a server is already running on ${folder} (process ${pid})`);
      }
      await rm(file, { force: true });
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write to the data folder ${folder}: ${(error as Error).message}`);
  }
  throw new UserError(`another server is just starting on ${folder}`);
}
