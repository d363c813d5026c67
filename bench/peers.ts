import { execFileSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { TimedRequest } from '../simulator/traffic.js';
import { type Ended, runToEnd } from './processes.js';

/** A GoAccess to be compared with: that of the PATH, or the one that is named. */
const GOACCESS = process.env.HLM_BENCH_GOACCESS ?? 'goaccess';
/** A folder from which `@duckdb/node-api` is found: the project's own, or the one that is named. */
const DUCKDB = process.env.HLM_BENCH_DUCKDB ?? fileURLToPath(new URL('.', import.meta.url));
const DUCKDB_LOAD = fileURLToPath(new URL('duckdb-load.js', import.meta.url));

/** Another program that makes something of the same log. */
export interface Peer {
  version: string;
  /** Reads a log to its end; what it makes lies in `folder`. */
  run: (log: string, folder: string) => Promise<Ended>;
}

/** Null where there is none. With two jobs where it has them: since 1.8. */
export function findGoAccess(): Peer | null {
  let version: string;
  try {
    version = /(\d+\.\d+(?:\.\d+)?)/.exec(execFileSync(GOACCESS, ['--version']).toString())![1];
  } catch {
    return null;
  }
  const [major, minor] = version.split('.').map(Number);
  const jobs = major > 1 || minor >= 8 ? ['--jobs=2'] : [];
  return {
    version,
    run: (log, folder) => {
      const args = [log, '--log-format=COMBINED', '--no-global-config', '--no-progress', ...jobs];
      return runToEnd(GOACCESS, [...args, '-o', join(folder, 'goaccess.json')]);
    },
  };
}

/** Null where its package is not installed. */
export function findDuckDb(): Peer | null {
  const { resolve } = createRequire(join(DUCKDB, 'any.js'));
  let [library, version] = ['', ''];
  try {
    library = resolve('@duckdb/node-api');
    version = JSON.parse(readFileSync(resolve('@duckdb/node-api/package.json'), 'utf8')).version;
  } catch {
    return null;
  }
  return {
    version,
    run: (log, folder) => runToEnd(process.execPath, [DUCKDB_LOAD, library, log, join(folder, 'duckdb')]),
  };
}

/** Requests as rows of a plain table for COPY. */
export function* rowsOf(requests: Iterable<TimedRequest>): Generator<string> {
  for (const { timeMs, request } of requests) {
    const { host, user, requestLine, status, bytes, referrer, userAgent } = request;
    const time = new Date(timeMs - request.offsetMs).toISOString();
    const texts = [time, host, user, requestLine, status, bytes, referrer, userAgent];
    yield texts.map((text) => (text === null ? '\\N' : escaped(String(text)))).join('\t');
  }
}

/** As COPY reads a text. */
const escaped = (text: string): string =>
  text.replace(/[\\\t\n\r]/g, (unit) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[unit]!);

/** COPY of a log's rows into a plain table without an index; wall seconds. */
export async function copySeconds(url: string, rows: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      `CREATE TABLE plain (time timestamptz, host text, remote_user text, request text, status integer, bytes bigint,
         referrer text, user_agent text)`,
    );
    const begun = performance.now();
    await pipeline(createReadStream(rows), client.query(copyFrom('COPY plain FROM STDIN')));
    const seconds = (performance.now() - begun) / 1_000;
    await client.query('DROP TABLE plain');
    return seconds;
  } finally {
    await client.end();
  }
}

/** Bytes of a file as `gzip` packs it by default. */
export async function gzipBytes(path: string): Promise<number> {
  let bytes = 0;
  await pipeline(createReadStream(path), createGzip({ level: 6 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) bytes += chunk.length;
  });
  return bytes;
}
