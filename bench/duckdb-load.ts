// Loads a Combined file into a table of DuckDB, durably: node duckdb-load.js <library> <log> <database>. A process by
// itself, as the agent and GoAccess are, so that its time and memory are its own. The library is no dependency of ours.
import { createRequire } from 'node:module';

interface Connection {
  run: (sql: string, values?: unknown[]) => Promise<unknown>;
}

interface Library {
  DuckDBInstance: {
    create: (
      path: string,
      options: Record<string, string>,
    ) => Promise<{ connect: () => Promise<Connection>; closeSync: () => void }>;
  };
}

const LINE = String.raw`^(\S+) \S+ \S+ \[([^]]+)\] "(?:(\S+) (\S+) \S+|[^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"$`;
const PARTS = "['host', 'time', 'method', 'target', 'status', 'bytes', 'referrer', 'agent']";
/** A line each: what parts columns, and quotes them, does not come in a log. */
const LINES = `read_csv($1, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, delim = '\u001f',
  quote = '', escape = '')`;
/** A line that does not fit has no status, and fails. */
const LOAD = `CREATE TABLE log AS
  SELECT strptime(part.time, '%d/%b/%Y:%H:%M:%S %z') AS time, part.host, part.method, part.target,
    CAST(part.status AS USMALLINT) AS status, CASE part.bytes WHEN '-' THEN 0 ELSE CAST(part.bytes AS UBIGINT) END AS bytes,
    part.referrer, part.agent
  FROM (SELECT regexp_extract(line, '${LINE}', ${PARTS}) AS part FROM ${LINES})`;

const [libraryPath, log, database] = process.argv.slice(2);
const library = createRequire(import.meta.url)(libraryPath) as Library;
const instance = await library.DuckDBInstance.create(database, { threads: '2' });
const connection = await instance.connect();
await connection.run(LOAD, [log]);
await connection.run('CHECKPOINT');
instance.closeSync();
