import type { DataSource } from 'typeorm';
import { MONTH, rollupEnd, rollupStart } from '../core/windows/resolutions.js';
import type { Database, Transaction } from './database.js';
import { classOf, type RetentionClass } from './sql/chunk.sql.js';

const HOUR_MS = 3_600_000;
/** Partitions are made so long before chunks come that go there. */
const AHEAD_MS = 4 * HOUR_MS;

/** PostgreSQL's check_violation: no partition for the row, or a constraint, which it names. */
const NO_PARTITION = '23514';
/** PostgreSQL's words for it, by how far the other had come: the table, its type, or their rows are there already. */
const MADE_BY_ANOTHER = ['42P07', '42710', '23505'];

/** Partitions of a class: those whose chunks expire in the same hour, day or month, UTC. */
interface Width {
  retentionClass: RetentionClass;
  /** Characters of an ISO 8601 instant that tell them apart, and their name's digits. */
  digits: number;
  start: (ms: number) => number;
  end: (startMs: number) => number;
}

const WIDTHS: readonly Width[] = [
  { retentionClass: 'hours', digits: 13, ...bordersOf(3_600) },
  { retentionClass: 'days', digits: 10, ...bordersOf(86_400) },
  { retentionClass: 'months', digits: 7, ...bordersOf(MONTH) },
];

function bordersOf(resolution: number) {
  return {
    start: (ms: number) => rollupStart(ms, resolution),
    end: (startMs: number) => rollupEnd(startMs, resolution),
  };
}

/** `log_chunk_days_20260131`: the day on which its chunks expire. */
function partitionName({ retentionClass, digits }: Width, startMs: number): string {
  return `log_chunk_${retentionClass}_${new Date(startMs).toISOString().slice(0, digits).replace(/[-T]/g, '')}`;
}

/** `2026-01-31 13:00:00+00`: a bound that means the same under every time zone. */
function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}+00`;
}

/**
 * Does what stores chunks; where a partition is missing, makes those that should be there, and does it once more.
 * `work` must leave nothing behind where it fails: a transaction.
 */
export async function withPartitions<Result>(db: Database, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isMissingPartition(error)) throw error;
    await ensurePartitions(db);
    return work();
  }
}

export function isMissingPartition(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === NO_PARTITION && constraint === undefined;
}

/** How long anything is kept by anybody: what the policies say, and no longer than the plan allows. */
const KEPT = `
  SELECT least(default_seconds, keep_logs_max_seconds) AS seconds FROM retention JOIN tenant ON id = tenant_id
  UNION SELECT least(keep_seconds, keep_logs_max_seconds) FROM retention_policy JOIN tenant t ON t.id = tenant_id`;

/**
 * Makes the partitions that chunks taken in within the next hours go to, by all that tenants keep, and by what one is
 * about to (`also`, seconds). Several servers may do so at once.
 */
export async function ensurePartitions(db: Database, also: readonly number[] = []): Promise<void> {
  const nowMs = await db.now();
  const names = (await db.ownerSql<{ name: string }>(PARTITION_NAMES)).map(({ name }) => name);
  const kept = await db.ownerSql<{ seconds: number }>(KEPT);
  const keeps = [...kept.map(({ seconds }) => seconds), ...also];
  for (const width of WIDTHS) {
    const own = keeps.filter((seconds) => classOf(seconds) === width.retentionClass);
    if (own.length === 0) continue;
    const lastMs = nowMs + Math.max(...own) * 1_000 + AHEAD_MS;
    for (let startMs = width.start(nowMs); startMs <= lastMs; startMs = width.end(startMs)) {
      if (!names.includes(partitionName(width, startMs))) await createPartition(db.owner, width, startMs);
    }
  }
}

async function createPartition(owner: DataSource, width: Width, startMs: number): Promise<void> {
  const name = partitionName(width, startMs);
  const parent = `log_chunk_${width.retentionClass}`;
  // Made apart and attached: CREATE … PARTITION OF would lock out everyone who reads or writes the table.
  await owner
    .query(
      `CREATE TABLE ${name} (LIKE ${parent} INCLUDING ALL);
       ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;
       ALTER TABLE ${parent} ATTACH PARTITION ${name} FOR VALUES FROM ('${utc(startMs)}') TO ('${utc(width.end(startMs))}')`,
    )
    .catch((error: { code?: string }) => {
      if (!MADE_BY_ANOTHER.includes(error.code ?? '')) throw error;
    });
}

/** The partitions that there are, by when their chunks expire: each can be dropped from its end on. */
export async function partitionSpans(
  sql: Transaction['sql'],
): Promise<{ retentionClass: RetentionClass; startMs: number; endMs: number }[]> {
  const names = (await sql<{ name: string }>(PARTITION_NAMES)).map(({ name }) => name);
  return WIDTHS.flatMap(({ retentionClass, start, end }) =>
    names
      .filter((name) => name.startsWith(`log_chunk_${retentionClass}_`))
      .map((name) => start(instantOf(name)))
      .map((startMs) => ({ retentionClass, startMs, endMs: end(startMs) })),
  );
}

/** What its name says: `log_chunk_days_20260131`. */
function instantOf(name: string): number {
  const [, year, month, day = '01', hour = '00'] = /_(\d{4})(\d\d)(\d\d)?(\d\d)?$/.exec(name)!;
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour));
}

const PARTITION = '^log_chunk_(hours|days|months)_[0-9]+$';
const PARTITION_NAMES = `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '${PARTITION}' ORDER BY 1`;

/**
 * Drops the partitions whose every chunk has expired. Detached first, CONCURRENTLY: a plain drop would wait for each
 * reader, and ingest behind it.
 *
 * @returns names of those dropped.
 */
export async function dropExpiredPartitions(db: Database): Promise<string[]> {
  const nowMs = await db.now();
  const dropped: string[] = [];
  for (const width of WIDTHS) dropped.push(...(await dropExpiredOf(db, width, nowMs)));
  return dropped;
}

async function dropExpiredOf(db: Database, width: Width, nowMs: number): Promise<string[]> {
  const parent = `log_chunk_${width.retentionClass}`;
  // What an earlier run left half detached comes first: until it is finished no other can be detached.
  const expired = await db.ownerSql<{ name: string; attached: boolean; pending: boolean }>(
    `SELECT relname AS name, inhrelid IS NOT NULL AS attached, coalesce(inhdetachpending, false) AS pending
     FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
     WHERE relkind = 'r' AND relname ~ '${PARTITION}' AND starts_with(relname, $1) AND relname < $2
     ORDER BY pending DESC, relname`,
    [`${parent}_`, partitionName(width, width.start(nowMs))],
  );
  for (const { name, attached, pending } of expired) {
    if (attached)
      await db.ownerSql(`ALTER TABLE ${parent} DETACH PARTITION ${name} ${pending ? 'FINALIZE' : 'CONCURRENTLY'}`);
    await db.ownerSql(`DROP TABLE IF EXISTS ${name}`);
  }
  return expired.map(({ name }) => name);
}
