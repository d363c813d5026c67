import type { DataSource } from 'typeorm';
import type { Database } from './database.js';

const HOUR_MS = 3_600_000;
/** Chunks of the class `hours` are kept a day at most: so many partitions, a few hours ahead of the default's hour. */
const HOURS_AHEAD = 4;

/** PostgreSQL's words for it, by how far the other had come: the table, its type, or their rows are there already. */
const MADE_BY_ANOTHER = ['42P07', '42710', '23505'];

/** Of log_chunk's partitions of class `hours`: the name says the hour in which its chunks expire, UTC. */
function partitionName(startMs: number): string {
  return `log_chunk_hours_${new Date(startMs).toISOString().slice(0, 13).replace(/[-T]/g, '')}`;
}

/** `2026-01-31 13:00:00+00`: a bound that means the same under every time zone. */
function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}+00`;
}

/** Makes the partitions that chunks taken in within the next hours go to. Several servers may do so at once. */
export async function ensurePartitions(db: Database, keepSecondsMax: number): Promise<void> {
  const nowMs = await db.now();
  const first = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const last = nowMs + keepSecondsMax * 1_000 + HOURS_AHEAD * HOUR_MS;
  const names = await partitionNames(db);
  for (let startMs = first; startMs <= last; startMs += HOUR_MS) {
    if (!names.includes(partitionName(startMs))) await createPartition(db.owner, startMs);
  }
}

async function createPartition(owner: DataSource, startMs: number): Promise<void> {
  const name = partitionName(startMs);
  // Made apart and attached: CREATE … PARTITION OF would lock out everyone who reads or writes the table.
  await owner
    .query(
      `CREATE TABLE ${name} (LIKE log_chunk_hours INCLUDING ALL);
       ALTER TABLE log_chunk_hours ATTACH PARTITION ${name} FOR VALUES FROM ('${utc(startMs)}') TO ('${utc(startMs + HOUR_MS)}')`,
    )
    .catch((error: { code?: string }) => {
      if (!MADE_BY_ANOTHER.includes(error.code ?? '')) throw error;
    });
}

async function partitionNames(db: Database): Promise<string[]> {
  const rows = await db.ownerSql<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'log\\_chunk\\_hours\\_%' ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

/**
 * Drops the partitions whose every chunk has expired. Detached first, CONCURRENTLY: a plain drop would wait for each
 * reader, and ingest behind it.
 *
 * @returns names of those dropped.
 */
export async function dropExpiredPartitions(db: Database): Promise<string[]> {
  const current = partitionName(Math.floor((await db.now()) / HOUR_MS) * HOUR_MS);
  // What an earlier run left half detached comes first: until it is finished no other can be detached.
  const expired = await db.ownerSql<{ name: string; attached: boolean; pending: boolean }>(
    `SELECT relname AS name, inhrelid IS NOT NULL AS attached, coalesce(inhdetachpending, false) AS pending
     FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
     WHERE relkind = 'r' AND relname LIKE 'log\\_chunk\\_hours\\_%' AND relname < $1 ORDER BY pending DESC, relname`,
    [current],
  );
  for (const { name, attached, pending } of expired) {
    if (attached)
      await db.ownerSql(
        `ALTER TABLE log_chunk_hours DETACH PARTITION ${name} ${pending ? 'FINALIZE' : 'CONCURRENTLY'}`,
      );
    await db.ownerSql(`DROP TABLE IF EXISTS ${name}`);
  }
  return expired.map(({ name }) => name);
}
