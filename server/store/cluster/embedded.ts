import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { UserError } from '../../../schema/user-error.js';
import { findBinaries, type PostgresBinaries } from './binaries.js';
import { isRunning } from './lock.js';
import { asUser, postgresUser, type SystemUser } from './privileges.js';

/** The role that owns the schema, migrates, and does what stands above tenants. */
const OWNER = 'hlm_jobs';
const DATABASE = 'hlm';
/** A first start writes 40 MB and a recovery replays up to max_wal_size: both take seconds, never minutes. */
const START_WITHIN_MS = 60_000;
const RELAUNCH_AFTER_MS = 500;
/** Fast shutdown writes one checkpoint. */
const STOP_WITHIN_MS = 20_000;

/** A postmaster of ours. */
interface Running {
  exited: Promise<void>;
}

interface Passwords {
  superuser: string;
  owner: string;
}

export interface EmbeddedPostgres {
  /** Connection string of the schema's owner. */
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL that comes with the product on its own folder below the data folder: loopback only, random
 * port and password. What a killed server left running is stopped first; PostgreSQL recovers by itself.
 *
 * The caller holds the claim of the data folder (lock.ts), so nobody else starts or stops it meanwhile.
 *
 * @throws UserError where it cannot be made or started, with PostgreSQL's own last words.
 */
export async function startEmbeddedPostgres(dataFolder: string): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const folder = join(dataFolder, 'postgres');
  const user = postgresUser(folder);
  if (user !== null) await chmod(dataFolder, 0o711);
  const passwords = await readPasswords(dataFolder);
  if (!existsSync(join(folder, 'PG_VERSION'))) await initialise(binaries, folder, user, passwords.superuser);
  await stopLeftover(folder);

  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const running = launch(binaries, dataFolder, folder, user, port);
    if (await isReady(port, passwords.superuser, running.exited)) {
      const url = await bootstrap(port, passwords);
      const relaunch = () => launch(binaries, dataFolder, folder, user, port);
      return { url, stop: keepRunning(running, relaunch, folder) };
    }
    // The port may have been taken between our look and PostgreSQL's: try others before giving up.
    if (attempt === 3) throw new UserError(`the embedded PostgreSQL does not start: ${await lastWords(dataFolder)}`);
  }
}

async function readPasswords(dataFolder: string): Promise<Passwords> {
  const file = join(dataFolder, 'postgres-passwords.json');
  const stored = await readFile(file, 'utf8').catch(() => null);
  if (stored !== null) return JSON.parse(stored) as Passwords;
  const made = { superuser: randomBytes(24).toString('base64url'), owner: randomBytes(24).toString('base64url') };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

async function initialise(binaries: PostgresBinaries, folder: string, user: SystemUser | null, password: string) {
  // A first start that was cut off leaves half a folder, which initdb refuses.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const passwordFile = `${folder}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== null) {
    await chown(folder, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const flags = [`--pgdata=${folder}`, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const locale = ['--encoding=UTF8', '--no-locale', '--data-checksums', '--no-sync'];
  const { command, args, ids } = asUser(user, binaries.initdb, [...flags, ...locale], [folder]);
  const child = spawn(command, args, { ...ids, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], env: postgresEnv() });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      words += error.message;
      resolve(1);
    });
    child.on('close', resolve);
  });
  await rm(passwordFile, { force: true });
  if (code !== 0) {
    await rm(folder, { recursive: true, force: true });
    throw new UserError(`cannot make the database in ${folder}: ${lastLine(words)}`);
  }
}

/**
 * Of glibc (mallopt(3)): memory of statements of some hundred kilobytes, as batches are, stays with the process. Given
 * back and asked for anew, in virtual machines above all, it costs more than what is done in it.
 */
const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: '33554432', MALLOC_TRIM_THRESHOLD_: '67108864' };

/** PostgreSQL reads PG… variables of its environment: none of the caller's may reach it. */
function postgresEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('HLM_'));
  return { ...Object.fromEntries(entries), ...KEEP_MEMORY, LC_ALL: 'C', TZ: 'UTC' };
}

function launch(
  binaries: PostgresBinaries,
  data: string,
  folder: string,
  user: SystemUser | null,
  port: number,
): Running {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '60',
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    wal_compression: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { command, args, ids } = asUser(user, binaries.postgres, ['-D', folder, ...flags], [folder]);
  const log = openSync(join(data, 'postgres.log'), 'a', 0o600);
  // A group of its own: Ctrl-C in a terminal is for the server, which stops the database last.
  const child = spawn(command, args, {
    ...ids,
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: postgresEnv(),
  });
  closeSync(log);
  child.unref();
  const exited = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  return { exited };
}

/** Starts PostgreSQL again, on the same port, whenever it ends without having been told to. Returns what stops it. */
function keepRunning(first: Running, relaunch: () => Running, folder: string): () => Promise<void> {
  let current = first;
  let stopping = false;
  const watch = ({ exited }: Running): void => {
    void exited.then(async () => {
      // Its orphaned backends notice within moments; until they have gone, a new one would refuse the folder.
      if (!stopping) await sleep(RELAUNCH_AFTER_MS);
      if (stopping) return;
      current = relaunch();
      watch(current);
    });
  };
  watch(first);
  return async () => {
    stopping = true;
    await stop(folder, current.exited);
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function isReady(port: number, password: string, exited: Promise<void>): Promise<boolean> {
  let ended = false;
  void exited.then(() => (ended = true));
  const deadline = performance.now() + START_WITHIN_MS;
  while (!ended && performance.now() < deadline) {
    const client = superuser(port, password, 'postgres');
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      await client.end().catch(() => undefined);
      await sleep(50);
    }
  }
  return false;
}

function superuser(port: number, password: string, database: string): pg.Client {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database });
  client.on('error', () => undefined);
  return client;
}

/** Makes the owner's role, the requests' role and the database where they are not there yet. */
async function bootstrap(port: number, passwords: Passwords): Promise<string> {
  const client = superuser(port, passwords.superuser, 'postgres');
  await client.connect();
  try {
    const roles = await client.query<{ rolname: string }>("SELECT rolname FROM pg_roles WHERE rolname LIKE 'hlm\\_%'");
    const has = (name: string) => roles.rows.some((row) => row.rolname === name);
    if (!has(OWNER)) await client.query(`CREATE ROLE ${OWNER} LOGIN`);
    if (!has('hlm_app')) await client.query('CREATE ROLE hlm_app NOLOGIN');
    await client.query(`ALTER ROLE ${OWNER} PASSWORD ${client.escapeLiteral(passwords.owner)}`);
    await client.query(`GRANT hlm_app TO ${OWNER}`);
    const databases = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (databases.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`);
  } finally {
    await client.end();
  }
  return `postgres://${OWNER}:${encodeURIComponent(passwords.owner)}@127.0.0.1:${port}/${DATABASE}`;
}

async function postmasterPid(folder: string): Promise<number | null> {
  const file = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(file.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isRunning(pid)) return null;
  // The pid may have come to belong to another program since: only a process that names our folder is ours.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => folder);
  return commandLine.includes(folder) ? pid : null;
}

async function stopLeftover(folder: string): Promise<void> {
  if ((await postmasterPid(folder)) !== null) await stop(folder, null);
}

async function stop(folder: string, exited: Promise<void> | null): Promise<void> {
  const pid = await postmasterPid(folder);
  if (pid === null) return;
  signal(pid, 'SIGINT');
  const deadline = performance.now() + STOP_WITHIN_MS;
  while (isRunning(pid) && performance.now() < deadline) {
    await Promise.race([sleep(30), ...(exited ? [exited] : [])]);
    if ((await postmasterPid(folder)) === null) return;
  }
  // Immediate shutdown: loses nothing that was committed, the next start recovers.
  signal(pid, 'SIGQUIT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function lastLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.filter((line) => /error|fatal|could not|denied/i.test(line)).at(-1) ?? lines.at(-1) ?? 'no reason given';
}

async function lastWords(dataFolder: string): Promise<string> {
  const log = await readFile(join(dataFolder, 'postgres.log'), 'utf8').catch(() => '');
  return lastLine(log.slice(-4_000));
}
