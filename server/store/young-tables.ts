import type { Database } from './database.js';

/** Whose rows are as many as there are agents, and of which a batch needs few. */
const TABLES = ['agent', 'stream', 'alert_state'];
/** Rows from which on it matters how a table is looked into. */
const ROWS_MIN = 100;
/** A table has to grow so many times before its plans are of another. */
const GROWTH = 2;

/**
 * Analyzes tables that have grown beyond what PostgreSQL knows of them. It sees to that itself, but once a minute; until
 * then what is planned is planned for a table that is all but empty, and a thousand new agents' rows are read through for each of them.
 *
 * @returns their names.
 */
export async function analyzeYoungTables(db: Database): Promise<string[]> {
  const young = await db.ownerSql<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c
     WHERE c.oid = ANY ($1::regclass[])
       AND pg_stat_get_live_tuples(c.oid) >= greatest(${ROWS_MIN}, ${GROWTH} * c.reltuples)
     ORDER BY 1`,
    [TABLES],
  );
  const names = young.map(({ name }) => name);
  if (names.length > 0) await db.ownerSql(`ANALYZE (SKIP_LOCKED) ${names.join(', ')}`);
  return names;
}
