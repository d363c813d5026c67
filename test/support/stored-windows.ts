import { expect } from '@jest/globals';
import { type Entry, entryAt } from '../../schema/log-batch.js';
import { emptyTops, heaviest } from '../../server/core/sketches/tops.js';
import { decodeTopsInto } from '../../server/core/sketches/tops-column.js';
import { decodeSeconds } from '../../server/core/windows/encoding.js';
import { RESOLUTIONS, rollupStart, TENANT_WIDE_FROM } from '../../server/core/windows/resolutions.js';
import { hitsBySecond } from '../../server/core/windows/window.js';
import { batchOfBody } from '../../server/store/chunk-body.js';
import type { Database } from '../../server/store/database.js';
import { TENANT_WIDE } from '../../server/store/sql/window-key.js';
import type { Statistics } from './statistics.js';

/** What windows hold, as text, by whose, how wide and when they are. */
type Told = Map<string, string>;

interface Floors {
  id: string;
  windows: number[];
  breakdowns: number[];
}

const keyOf = (ownerId: string, resolution: number, startMs: number) =>
  `${ownerId === TENANT_WIDE ? 'tenant' : ownerId}, ${resolution} s, ${new Date(startMs).toISOString()}`;

/**
 * Windows stored that are not those of the entries, in every resolution, of each agent and of the tenant, from their
 * floors on; and marks that stand. Empty: all is rolled up and right.
 *
 * @param entries by the agent's id
 */
export async function wrongWindows(
  db: Database,
  tenantId: string,
  entries: ReadonlyMap<string, readonly Entry[]>,
): Promise<string[]> {
  const expected = toldOf(entries, await readFloors(db, tenantId));
  const stored = await storedWindows(db, tenantId);
  const keys = [...new Set([...expected.keys(), ...stored.keys()])].sort();
  const wrong = keys
    .filter((key) => expected.get(key) !== stored.get(key))
    .map((key) => `${key}: is ${stored.get(key)}, not ${expected.get(key)}`);
  const marks = await db.ownerSql<{ agent_id: string; resolution: number; start_ms: number }>(
    'SELECT agent_id, resolution, start_ms FROM rollup_mark WHERE tenant_id = $1',
    [tenantId],
  );
  return [...wrong, ...marks.map((mark) => `${keyOf(mark.agent_id, mark.resolution, mark.start_ms)}: marked`)];
}

async function readFloors(db: Database, tenantId: string): Promise<Floors[]> {
  const columns = 'window_floors::float8[] AS windows, breakdown_floors::float8[] AS breakdowns';
  return db.ownerSql<Floors & { [column: string]: unknown }>(
    `SELECT '${TENANT_WIDE}' AS id, ${columns} FROM tenant_traffic WHERE tenant_id = $1
     UNION ALL SELECT id, ${columns} FROM agent WHERE tenant_id = $1`,
    [tenantId],
  );
}

function toldOf(entries: ReadonlyMap<string, readonly Entry[]>, floors: readonly Floors[]): Told {
  const expected: Told = new Map();
  for (const { id, windows: windowFloors, breakdowns: breakdownFloors } of floors)
    RESOLUTIONS.forEach((resolution, place) => {
      if (id === TENANT_WIDE && resolution < TENANT_WIDE_FROM) return;
      const own = id === TENANT_WIDE ? [...entries.values()].flat() : (entries.get(id) ?? []);
      const byStart = grouped(own, ({ timeMs }) => rollupStart(timeMs, resolution));
      for (const [startMs, within] of byStart) {
        if (startMs < windowFloors[place]) continue;
        const parts = { seconds: place === 0, hosts: startMs >= breakdownFloors[place] };
        expected.set(keyOf(id, resolution, startMs), figuresOf(within, parts));
      }
    });
  return expected;
}

function figuresOf(entries: readonly Entry[], parts: { seconds: boolean; hosts: boolean }): string {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const seconds = new Array<number>(10).fill(0);
  for (const { timeMs } of entries) seconds[Math.floor(timeMs / 1_000) % 10]++;
  const hosts = grouped(entries, ({ host }) => host);
  return told({
    hits: entries.length,
    bytes,
    seconds: parts.seconds ? seconds : null,
    hosts: parts.hosts ? [...hosts].map(([host, own]) => [host, own.length]) : null,
  });
}

function told(figures: {
  hits: number;
  bytes: number;
  seconds: readonly number[] | null;
  hosts: [string, number][] | null;
}): string {
  return JSON.stringify({ ...figures, hosts: figures.hosts?.sort(([a], [b]) => (a < b ? -1 : 1)) });
}

function grouped<Key>(entries: readonly Entry[], keyOf: (entry: Entry) => Key): Map<Key, Entry[]> {
  const groups = new Map<Key, Entry[]>();
  for (const entry of entries) {
    const group = groups.get(keyOf(entry));
    if (group) group.push(entry);
    else groups.set(keyOf(entry), [entry]);
  }
  return groups;
}

async function storedWindows(db: Database, tenantId: string): Promise<Told> {
  const rows = await db.ownerSql<{
    agent_id: string;
    resolution: number;
    start_ms: number;
    hits: number;
    bytes: number;
    seconds: Buffer | null;
    top_host: Buffer | null;
  }>(
    `SELECT agent_id, resolution, start_ms, hits, bytes, seconds, top_host
     FROM traffic_window FULL JOIN traffic_breakdown USING (tenant_id, agent_id, resolution, start_ms)
     WHERE tenant_id = $1`,
    [tenantId],
  );
  return new Map(
    rows.map(({ agent_id: owner, resolution, start_ms: startMs, hits, bytes, ...columns }) => {
      const seconds = columns.seconds && hitsBySecond(decodeSeconds(columns.seconds));
      return [keyOf(owner, resolution, startMs), told({ hits, bytes, seconds, hosts: hostsOf(columns.top_host) })];
    }),
  );
}

function hostsOf(column: Buffer | null): [string, number][] | null {
  if (column === null) return null;
  const tops = emptyTops();
  decodeTopsInto(tops, column);
  return heaviest(tops, Number.POSITIVE_INFINITY).map(({ key, hits }) => [key, hits]);
}

/** Raw entries that are stored of each agent; no policy keeps any of them longer or shorter. */
export async function storedEntries(db: Database, tenantId: string): Promise<Map<string, Entry[]>> {
  const chunks = await db.ownerSql<{ agent_id: string; mask: Buffer | null; body: Buffer }>(
    'SELECT agent_id, mask, body FROM log_chunk WHERE tenant_id = $1',
    [tenantId],
  );
  const entries = new Map<string, Entry[]>();
  for (const { agent_id: agentId, mask, body } of chunks) {
    const batch = await batchOfBody(body);
    const own = [...batch.timeMs.keys()].filter((place) => !mask?.[place]).map((place) => entryAt(batch, place));
    entries.set(agentId, [...(entries.get(agentId) ?? []), ...own]);
  }
  return entries;
}

/** All is rolled up, and what is stored is what these entries, by the agent's id, add up to; each is stored raw, too. */
export async function expectStored(
  statistics: Statistics,
  tenantId: string,
  entries: ReadonlyMap<string, readonly Entry[]>,
): Promise<void> {
  await statistics.rollUpAll();
  expect(await wrongWindows(statistics.db, tenantId, entries)).toEqual([]);
  const stored = await storedEntries(statistics.db, tenantId);
  for (const [id, own] of entries) expect(stored.get(id)).toHaveLength(own.length);
}
