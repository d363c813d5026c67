import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Clock ticks a second, as Linux says them to programs. */
const TICKS = 100;

interface Stat {
  parent: string;
  ticks: number;
  /** Of its children that ended. */
  endedTicks: number;
}

function statOf(pid: string): Stat | null {
  try {
    // The command's name may hold anything: fields are counted from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const [user, system, endedUser, endedSystem] = [11, 12, 13, 14].map((i) => Number(fields[i]));
    return { parent: fields[1], ticks: user + system, endedTicks: endedUser + endedSystem };
  } catch {
    return null;
  }
}

/** CPU of one process, seconds. */
export function cpuOf(pid: number): number {
  return (statOf(String(pid))?.ticks ?? 0) / TICKS;
}

/** CPU of the PostgreSQL on a folder, seconds: of the postmaster, of those it has ended, and of those that it runs. */
export function postgresCpuOf(folder: string): number {
  const [root, ...children] = postgresOn(folder).map(statOf);
  const ticks = children.reduce((sum, stat) => sum + (stat?.ticks ?? 0), 0);
  return (ticks + (root === null ? 0 : root.ticks + root.endedTicks)) / TICKS;
}

/** Memory of the PostgreSQL on a folder, bytes; what its processes share counts once. */
export function postgresMemoryOf(folder: string): number {
  return postgresOn(folder).reduce((sum, pid) => sum + bytesOf(pid, 'smaps_rollup', 'Pss'), 0);
}

/** The postmaster, and the processes that it runs. */
function postgresOn(folder: string): string[] {
  const root = readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return [root, ...pids.filter((pid) => statOf(pid)?.parent === root)];
}

/** The most memory that a process has had, bytes; 0 where it has ended. */
export function peakMemoryOf(pid: number): number {
  return bytesOf(String(pid), 'status', 'VmHWM');
}

/** The memory that a process has now, bytes; 0 where it has ended. */
export function memoryOf(pid: number): number {
  return bytesOf(String(pid), 'status', 'VmRSS');
}

function bytesOf(pid: string, file: string, key: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
    return 1_024 * Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
