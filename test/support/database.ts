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
