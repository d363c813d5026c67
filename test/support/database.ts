import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

interface Access {
  /** The schema's owner by default. */
  role?: 'owner' | 'superuser';
  database?: string;
}

/** Address of the embedded database below a data folder, past the server. */
export function databaseUrl(dataFolder: string, { role = 'owner', database = 'hlm' }: Access = {}): string {
  const passwords = JSON.parse(readFileSync(join(dataFolder, 'postgres-passwords.json'), 'utf8'));
  const port = readFileSync(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3];
  const user = role === 'owner' ? 'hlm_jobs' : 'postgres';
  return `postgres://${user}:${passwords[role]}@127.0.0.1:${port}/${database}`;
}

/**
 * When the embedded database below a data folder was last told to end, ms since the epoch: what ends before it does. How long it then
 * takes is the disk's affair, which after a first start has some six hundred files to sync.
 */
export function databaseToldToEndMs(dataFolder: string): number {
  const log = readFileSync(join(dataFolder, 'postgres.log'), 'utf8');
  const told = [...log.matchAll(/^(\S+ \S+) UTC .* received fast shutdown request$/gm)].at(-1);
  if (told === undefined) throw new Error(`it was not told to:\n${log}`);
  return Date.parse(`${told[1].replace(' ', 'T')}Z`);
}

/** Runs `work` on a connection of its own. */
export async function withConnection<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
