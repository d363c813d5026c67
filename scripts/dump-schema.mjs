// Writes migrations/schema.sql: the schema as it is after the last migration, for reviewing a migration as a diff;
// `--check` only compares. Read from the catalogues of an embedded PostgreSQL of its own, so that it needs nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../dist/server/store/cluster/embedded.js';
import { Database } from '../dist/server/store/database.js';

const FILE = new URL('../migrations/schema.sql', import.meta.url);
const NOTE =
  '-- The schema after the last migration, written by scripts/dump-schema.mjs: not to be edited, nor to be run.\n';

/** Our tables, but for the partitions that are made and dropped by the hour. */
const TABLES = `SELECT c.oid, c.relname AS name, pg_get_partkeydef(c.oid) AS key, c.relrowsecurity AS secured,
    pg_get_expr(c.relpartbound, c.oid) AS bound, i.inhparent::regclass::text AS parent, array_to_string(c.reloptions, ', ') AS options
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname !~ '_\\d{10}$' ORDER BY c.relname`;
const COLUMNS = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
    pg_get_expr(adbin, adrelid) AS preset, attidentity <> '' AS counted
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;
/** PostgreSQL 18 and later list NOT NULL as constraints, too. */
const CONSTRAINTS = `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
  WHERE conrelid = $1 AND contype <> 'n' ORDER BY conname`;
const INDEXES = `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
  WHERE indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = $1) ORDER BY 1`;
const POLICIES = `SELECT polname AS name, polcmd AS command, pg_get_expr(polqual, polrelid) AS qual, pg_get_expr(polwithcheck, polrelid) AS "check"
  FROM pg_policy WHERE polrelid = $1 ORDER BY polname`;
const COMMENTS = `SELECT attname AS column, description FROM pg_description
  LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
  WHERE objoid = $1 AND classoid = 'pg_class'::regclass ORDER BY objsubid`;
const GRANTS = `SELECT grantee::regrole::text AS role, string_agg(privilege_type, ', ' ORDER BY privilege_type) AS rights
  FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = $1 AND grantee <> relowner GROUP BY 1 ORDER BY 1`;

async function dump(db) {
  const parts = [];
  for (const table of await db.ownerSql(TABLES)) parts.push(await dumpTable(db, table));
  return `${NOTE}\n${parts.join('\n\n')}\n`;
}

async function dumpTable(db, { oid, name, key, secured, bound, parent, options }) {
  const all = (query) => db.ownerSql(query, [oid]);
  const storage = `${key === null ? '' : ` PARTITION BY ${key}`}${options ? ` WITH (${options})` : ''};`;
  const columns = (await all(COLUMNS)).map(
    (column) =>
      `  ${column.name} ${column.type}${column.required ? ' NOT NULL' : ''}${column.counted ? ' GENERATED AS IDENTITY' : ''}${column.preset === null ? '' : ` DEFAULT ${column.preset}`}`,
  );
  const constraints = (await all(CONSTRAINTS)).map((each) => `  CONSTRAINT ${each.name} ${each.definition}`);
  const body =
    parent === null ? `(\n${[...columns, ...constraints].join(',\n')}\n)` : `PARTITION OF ${parent} ${bound}`;
  const lines = [`CREATE TABLE ${name} ${body}${storage}`];
  if (parent === null) lines.push(...(await all(INDEXES)).map(({ definition }) => `${definition};`));
  if (secured) lines.push(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;`);
  for (const policy of await all(POLICIES)) {
    const check = policy.check === null ? '' : ` WITH CHECK ${policy.check}`;
    lines.push(`CREATE POLICY ${policy.name} ON ${name} FOR ${policy.command} USING ${policy.qual}${check};`);
  }
  for (const { role, rights } of await all(GRANTS)) lines.push(`GRANT ${rights} ON ${name} TO ${role};`);
  for (const { column, description } of await all(COMMENTS)) {
    const what = column === null ? `TABLE ${name}` : `COLUMN ${name}.${column}`;
    lines.push(`COMMENT ON ${what} IS '${description.replaceAll("'", "''")}';`);
  }
  return lines.join('\n').replace(/ FOR \*/g, '');
}

const folder = mkdtempSync(join(tmpdir(), 'hlm-schema-'));
const cluster = await startEmbeddedPostgres(folder);
try {
  const db = await Database.open(cluster.url);
  const schema = await dump(db).finally(() => db.close());
  if (!process.argv.includes('--check')) writeFileSync(FILE, schema);
  else if (readFileSync(FILE, 'utf8') !== schema) {
    console.error('migrations/schema.sql is not what the migrations make: run node scripts/dump-schema.mjs');
    process.exitCode = 1;
  }
} finally {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
}
