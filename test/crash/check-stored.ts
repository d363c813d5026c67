import type pg from 'pg';
import { databaseUrl, withConnection } from '../support/database.js';
import { until } from '../support/server.js';
import type { Truth } from './check.js';
import { byWindow, numbersOf, type Width, windowOf } from './expected.js';
import type { TrueEntry } from './truth.js';

/** Stored resolutions, seconds; the whole tenant has windows of its own from an hour up. */
const STORED: [Width, number][] = [
  ['SECONDS_10', 10],
  ['MINUTE', 60],
  ['HOUR', 3_600],
  ['DAY', 86_400],
  ['MONTH', 2_592_000],
];
const TENANT_WIDE_FROM = 3_600;
const TENANT_WIDE = '00000000-0000-0000-0000-000000000000';
const widthOf = (resolution: number): Width => STORED.find(([, seconds]) => seconds === resolution)![0];
/** A window is closed two minutes after its end; then it is computed, with those made of it, within moments. */
const OPEN_MS = 180_000;
/** Agents are taken for quiet after 30 s. */
const ROLLED_UP_WITHIN_MS = 120_000;

/** As if all agents had been quiet for long: what is dirty is computed anew at once. */
const QUIETEN = [
  "UPDATE agent SET last_batch_at = now() - interval '1 day'",
  "UPDATE rollup_mark SET marked_at = now() - interval '1 day'",
];

/**
 * Waits until no window is dirty any more, but for those of now, and compares the rows themselves, of every resolution,
 * agents' and tenant's: none is missing, none is there that should not be. Returns what differs, and how many rows
 * were compared.
 */
export async function checkStored(
  dataFolder: string,
  truth: Truth,
  hurry: boolean,
): Promise<{ wrong: string[]; count: number }> {
  return withConnection(databaseUrl(dataFolder), async (client) => {
    await until(() => isRolledUp(client, hurry), ROLLED_UP_WITHIN_MS, 'all windows to be rolled up');
    const open = openWindows(await marksOf(client));
    const sql: Sql = async (text, values) => (await client.query(text, values)).rows;
    return wrongRows(sql, truth, { tenantId: null, open });
  });
}

export type Sql = <Row extends object>(text: string, values: unknown[]) => Promise<Row[]>;

/**
 * Compares the rows of windows with the entries: none is missing, none is there that should not be.
 *
 * @param tenantId whose rows; null: all
 * @param open keys of rows that may be anything
 */
export async function wrongRows<Entry extends TrueEntry>(
  sql: Sql,
  truth: Entries<Entry>,
  { tenantId, open }: { tenantId: string | null; open: ReadonlySet<string> },
): Promise<{ wrong: string[]; count: number }> {
  const wrong: string[] = [];
  const expected = expectedRows(truth);
  const own = 'WHERE $1::uuid IS NULL OR tenant_id = $1';
  const keys = await sql<{ key: string }>(`SELECT ${KEY} AS key FROM traffic_breakdown ${own}`, [tenantId]);
  const broken = new Set(keys.map(({ key }) => key));
  const rows = await sql<{ key: string }>(
    `SELECT ${KEY} AS key, hits::float8, bytes::float8, peak::float8, informational::float8, success::float8, redirection::float8,
       client_error::float8 AS "clientError", server_error::float8 AS "serverError", other::float8 FROM traffic_window ${own}`,
    [tenantId],
  );
  for (const { key, ...row } of rows) {
    const given = JSON.stringify(row);
    const wanted = expected.get(key);
    if (wanted !== given && !open.has(key)) wrong.push(`row ${key}: ${given}, not ${wanted ?? 'there'}`);
    if (!broken.delete(key)) wrong.push(`row ${key} has no breakdown`);
    expected.delete(key);
  }
  for (const key of expected.keys()) if (!open.has(key)) wrong.push(`row ${key} is missing`);
  for (const key of broken) wrong.push(`breakdown ${key} has no row`);
  return { wrong, count: rows.length };
}

/** Entries of agents, and the name of the agent that wrote one. */
interface Entries<Entry extends TrueEntry> {
  agents: readonly { id: string; entries: readonly Entry[] }[];
  agentOf: (entry: Entry) => string;
}

interface Mark {
  owner: string;
  resolution: number;
  startMs: number;
}

const KEY = "agent_id::text || ' ' || resolution || ' ' || start_ms";
const keyOf = ({ owner, resolution, startMs }: Mark): string => `${owner} ${resolution} ${startMs}`;

async function marksOf(client: pg.Client): Promise<Mark[]> {
  const { rows } = await client.query<Mark>(
    'SELECT agent_id AS owner, resolution, start_ms::float8 AS "startMs" FROM rollup_mark',
  );
  return rows;
}

async function isRolledUp(client: pg.Client, hurry: boolean): Promise<boolean> {
  if (hurry) for (const statement of QUIETEN) await client.query(statement);
  const closedMs = Date.now() - OPEN_MS;
  return (await marksOf(client)).every(
    ({ resolution, startMs }) => windowOf(startMs, widthOf(resolution)).endMs > closedMs,
  );
}

/** Windows that are dirty, or made of one that is. */
function openWindows(marks: readonly Mark[]): Set<string> {
  const open = new Set<string>();
  for (const { owner, resolution, startMs } of marks) {
    for (const [width, coarser] of STORED) {
      if (coarser < resolution) continue;
      const window = { resolution: coarser, startMs: windowOf(startMs, width).startMs };
      open.add(keyOf({ owner, ...window })).add(keyOf({ owner: TENANT_WIDE, ...window }));
    }
  }
  return open;
}

function expectedRows<Entry extends TrueEntry>({ agents, agentOf }: Entries<Entry>): Map<string, string> {
  const rows = new Map<string, string>();
  const add = (owner: string, entries: readonly Entry[], from: number) => {
    for (const [width, resolution] of STORED) {
      if (resolution < from) continue;
      for (const [startMs, inside] of byWindow(entries, width)) {
        const { hits, bytes, peakHitsPerSecond, status } = numbersOf(inside, agentOf);
        rows.set(
          keyOf({ owner, resolution, startMs }),
          JSON.stringify({ hits, bytes, peak: peakHitsPerSecond, ...status }),
        );
      }
    }
  };
  for (const { id, entries } of agents) add(id, entries, 0);
  add(
    TENANT_WIDE,
    agents.flatMap(({ entries }) => entries),
    TENANT_WIDE_FROM,
  );
  return rows;
}
