import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { combinedLine, logTime } from '../simulator/combined.js';
import { type TrafficSpec, trafficAt } from '../simulator/traffic.js';
import { runToEnd } from './processes.js';

/** A GoAccess to be compared with: that of the PATH, or the one that is named. */
const GOACCESS = process.env.HLM_BENCH_GOACCESS ?? 'goaccess';

export interface GoAccess {
  version: string;
  /** Reads a log to its end, and writes its report; wall seconds. */
  run: (log: string, folder: string) => Promise<number>;
}

/** Null where there is none. With two jobs where it has them: since 1.8. */
export function findGoAccess(): GoAccess | null {
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
    run: async (log, folder) => {
      const args = [log, '--log-format=COMBINED', '--no-global-config', '--no-progress', ...jobs];
      return (await runToEnd(GOACCESS, [...args, '-o', join(folder, 'goaccess.json')])).seconds;
    },
  };
}

/** A log, and the same as rows of a plain table for COPY: the first `lines` lines of the simulator's traffic. */
export async function writeLogAndRows(
  folder: string,
  lines: number,
  startMs: number,
  spec: TrafficSpec,
): Promise<{ log: string; rows: string }> {
  const files = { log: join(folder, 'access.log'), rows: join(folder, 'rows.tsv') };
  const [log, rows] = [createWriteStream(files.log), createWriteStream(files.rows)];
  let written = 0;
  for (let second = 0; written < lines; second++) {
    const timeMs = startMs + second * 1_000;
    const requests = trafficAt(second, spec).slice(0, lines - written);
    log.write(requests.map((request) => `${combinedLine(request, logTime(timeMs))}\n`).join(''));
    const time = new Date(timeMs).toISOString();
    const ok = rows.write(
      requests
        .map(({ host, user, requestLine, status, bytes, referrer, userAgent }) => {
          const texts = [time, host, user, requestLine, status, bytes, referrer, userAgent];
          return `${texts.map((text) => (text === null ? '\\N' : escaped(String(text)))).join('\t')}\n`;
        })
        .join(''),
    );
    if (!ok) await new Promise<void>((resolve) => rows.once('drain', resolve));
    written += requests.length;
  }
  await Promise.all([log, rows].map((file) => new Promise<void>((resolve) => file.end(resolve))));
  return files;
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
