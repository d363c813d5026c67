import { BATCH_ENTRIES_MAX, type Entry } from '../schema/log-batch.js';
import { batchOf } from '../schema/log-batch-builder.js';
import { joinDue } from '../server/retention/index.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, times } from './table.js';
import { entriesOf } from './traffic.js';

/** Of each agent: a batch a second, of so many lines. */
const BATCH_LINES = 10;
/** Five minutes: what is joined of an agent at once. */
const BATCHES = 300;
const KEEP_ERRORS = 604_800;

/** What joining costs where agents send a few lines a second each, and what a line takes on disk before and after. */
export async function measureJoining({ quick }: BenchOptions): Promise<Figure[]> {
  const agents = quick ? 50 : 200;
  const lines = linesOf(BATCH_ENTRIES_MAX);
  const small = await storeOf(lines.slice(0, BATCHES * BATCH_LINES), BATCH_LINES);
  const large = await storeOf(lines, BATCH_ENTRIES_MAX);
  try {
    for (const store of [small, large]) await copyAgent(store, agents - 1);
    const goal = await bytesALine(large, agents * lines.length);
    const before = await bytesALine(small, agents * BATCHES * BATCH_LINES);
    // Each agent's at another instant, as it is.
    await small.db.ownerSql(
      "UPDATE log_chunk SET join_at = '2020-01-01'::timestamptz + abs(hashtext(agent_id::text)) * interval '1 ms' WHERE keep_seconds = 3600",
    );
    const begun = performance.now();
    let joined = { batches: 0, into: 0 };
    const cpu = await small.cpuOf(async () => {
      joined = await joinDue(small.db);
    });
    const seconds = (performance.now() - begun) / 1_000;
    const after = await bytesALine(small, agents * BATCHES * BATCH_LINES);
    const shown = (bytes: number) => `${bytes.toFixed(1)} bytes a line: ${times(bytes / goal)} those of large batches`;
    return [
      { what: `batches of ${BATCH_LINES} lines, indexes and all`, value: shown(before) },
      { what: `joined (${joined.batches} chunks into ${joined.into})`, value: shown(after), goal: '≤ 1.50 ×' },
      {
        what: 'chunks joined a second',
        value: Math.round(joined.batches / seconds).toLocaleString('en'),
        goal: '≥ 1,000',
      },
      {
        what: 'what joining costs',
        value: `${((cpu * 1e6) / (joined.batches * BATCH_LINES)).toFixed(1)} µs CPU a line`,
      },
    ];
  } finally {
    await small.close();
    await large.close();
  }
}

function linesOf(count: number): Entry[] {
  return [...entriesOf(BATCH_LINES, (2 * count) / BATCH_LINES)].slice(0, count);
}

async function storeOf(lines: readonly Entry[], batchLines: number): Promise<BenchStore> {
  const store = await BenchStore.start();
  await store.db.ownerSql(
    `INSERT INTO retention_policy (tenant_id, place, name, filter, keep_seconds) VALUES ($1, 1, 'Errors', '{"statusMin": 400}', $2)`,
    [store.tenantId, KEEP_ERRORS],
  );
  for (let i = 0; i < lines.length; i += batchLines)
    await store.append('agent', JSON.stringify(batchOf(lines.slice(i, i + batchLines))));
  return store;
}

/** So many agents more with the same entries. */
async function copyAgent({ db }: BenchStore, times: number): Promise<void> {
  await db.ownerSql(
    `INSERT INTO agent (tenant_id, name) SELECT tenant_id, 'copy ' || n FROM agent CROSS JOIN generate_series(1, $1::integer) AS n`,
    [times],
  );
  const columns = `tenant_id, stream_id, from_position, class, expires_at, taken_in_at, first_ms, last_ms, entries, mask, body,
    visible_from, keep_seconds, retention_version, parts, ordinals, join_at`;
  await db.ownerSql(
    `INSERT INTO log_chunk (agent_id, ${columns})
     SELECT copy.id, ${columns.replace('tenant_id', 'log_chunk.tenant_id')} FROM log_chunk
       JOIN agent copy ON copy.tenant_id = log_chunk.tenant_id AND copy.name <> 'agent'`,
  );
}

/** On disk, without what deleted rows left. */
async function bytesALine({ db }: BenchStore, lines: number): Promise<number> {
  const partitions = await db.ownerSql<{ name: string }>(
    "SELECT relid::text AS name FROM pg_partition_tree('log_chunk') WHERE isleaf",
  );
  let sum = 0;
  for (const { name } of partitions) {
    await db.ownerSql(`VACUUM (FULL, ANALYZE) ${name}`);
    const [{ bytes }] = await db.ownerSql<{ bytes: number }>(
      `SELECT CASE WHEN EXISTS (SELECT FROM ${name}) THEN pg_total_relation_size('${name}') ELSE 0 END AS bytes`,
    );
    sum += bytes;
  }
  return sum / lines;
}
