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
  const root = readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0];
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = statOf(pid);
    if (stat === null) continue;
    if (pid === root) ticks += stat.ticks + stat.endedTicks;
    else if (stat.parent === root) ticks += stat.ticks;
  }
  return ticks / TICKS;
}

/** The most memory that a process has had, bytes; 0 where it has ended. */
export function peakMemoryOf(pid: number): number {
  try {
    return 1_024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
