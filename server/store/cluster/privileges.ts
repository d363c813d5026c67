import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** PostgreSQL refuses to run as root: the system user that it runs as instead. */
export interface SystemUser {
  uid: number;
  gid: number;
}

function idOf(name: string): SystemUser | null {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

/**
 * Whom to run PostgreSQL as: nobody else, where we are not root; else who owns the database's folder already, else the
 * user `postgres` where there is one, else `nobody`, whom every system has. No user is made: that is not ours to do.
 */
export function postgresUser(databaseFolder: string): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  if (existsSync(databaseFolder)) {
    const { uid, gid } = statSync(databaseFolder);
    if (uid !== 0) return { uid, gid };
  }
  return idOf('postgres') ?? idOf('nobody') ?? { uid: 65_534, gid: 65_534 };
}

/** Whether anyone may pass through every folder above. */
function isReachable(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/**
 * The command that runs a program as `user`.
 *
 * Where a folder above bars that user (a clone in root's home), the program keeps the right to pass through folders
 * (CAP_DAC_READ_SEARCH, by util-linux' setpriv) instead of anyone's modes being changed.
 */
export function asUser(
  user: SystemUser | null,
  program: string,
  args: string[],
  paths: string[],
): { command: string; args: string[]; ids: Partial<SystemUser> } {
  if (user === null) return { command: program, args, ids: {} };
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (setpriv === undefined || [program, ...paths].every(isReachable)) return { command: program, args, ids: user };
  accessSync(setpriv, constants.X_OK);
  const drop = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const keep = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
  return { command: setpriv, args: [...drop, ...keep, '--', program, ...args], ids: {} };
}
