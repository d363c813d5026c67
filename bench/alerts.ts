import { BATCH_ENTRIES_MAX, batchOf, type LogBatch } from '../schema/log-batch.js';
import { evaluateAgents } from '../server/alerts/evaluate.js';
import { SecondsCache } from '../server/alerts/seconds-cache.js';
import type { AgentKey } from '../server/store/sql/agent.sql.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, times } from './table.js';
import { entriesOf } from './traffic.js';

const LINES_A_SECOND = 10;
const RULES = 10;
const AGENTS_AT_ONCE = 50;
/** Share of a core that evaluation may take. */
const SHARE_GOAL = 0.2;
const FILTERS = [
  { statusMin: 400 },
  { section: '/api' },
  { path: '/api/user', statusMin: 500 },
  { method: 'POST' },
  { search: 'login' },
];

/** What live rules cost: evaluating many agents once a second, and counting for filtered rules at ingest. */
export async function measureAlerts({ quick }: BenchOptions): Promise<Figure[]> {
  return [
    ...(await measureEvaluation(quick ? 100 : 1_000, quick ? 3 : 10)),
    ...(await measureCounting(quick ? 5 : 20)),
  ];
}

async function measureEvaluation(count: number, seconds: number): Promise<Figure[]> {
  const store = await BenchStore.start();
  try {
    await addRules(store, RULES, (i) => (i < FILTERS.length ? FILTERS[i] : null));
    const batches = batchesOf(LINES_A_SECOND, seconds + 2);
    const cache = new SecondsCache();
    const agents: AgentKey[] = [];
    const second = async (i: number) => {
      const json = JSON.stringify({ ...batches[i], base: 1_700_000_000_000 + i * 1_000 });
      for (let n = 0; n < count; n++) {
        const agentId = await store.append(`agent ${n}`, json);
        if (i === 0) agents.push({ tenantId: store.tenantId, agentId });
      }
    };
    const evaluate = async () => {
      for (let i = 0; i < agents.length; i += AGENTS_AT_ONCE) {
        const some = agents.slice(i, i + AGENTS_AT_ONCE);
        await store.db.inTenants([store.tenantId], (tx) => evaluateAgents(tx, some, cache));
      }
    };
    const measured: number[] = [];
    for (let i = 0; i < batches.length; i++) {
      await second(i);
      const cpu = await store.cpuOf(evaluate);
      // The first reads and counts what there is, and compiles.
      if (i >= 2) measured.push(cpu);
    }
    const live = median(measured);
    const what = `${count.toLocaleString('en')} agents × ${RULES} rules (${FILTERS.length} filtered), evaluated once a second`;
    return [
      {
        what,
        value: `${((live * 1e6) / (count * RULES)).toFixed(1)} µs CPU a pair`,
        ratio: `${(live * 100).toFixed(0)} % of a core`,
        goal: `< ${SHARE_GOAL * 100} %`,
        missed: live > SHARE_GOAL,
      },
    ];
  } finally {
    await store.close();
  }
}

async function measureCounting(batches: number): Promise<Figure[]> {
  const lines = batchesOf(BATCH_ENTRIES_MAX / 40, 40 * batches, BATCH_ENTRIES_MAX);
  const costs: number[] = [];
  for (const rules of [0, 1, RULES]) {
    const store = await BenchStore.start();
    try {
      await addRules(store, rules, (i) => FILTERS[i % FILTERS.length]);
      const texts = lines.map((batch) => JSON.stringify(batch));
      // From the second batch on it is counted for them.
      const agentId = await store.append('agent', texts[0]);
      const agent = [{ tenantId: store.tenantId, agentId }];
      await store.db.inTenants([store.tenantId], (tx) => evaluateAgents(tx, agent, new SecondsCache()));
      costs.push(
        await store.cpuOf(async () => {
          for (const text of texts.slice(1)) await store.append('agent', text);
        }),
      );
    } finally {
      await store.close();
    }
  }
  const [none] = costs;
  const entries = lines.slice(1).reduce((sum, { count }) => sum + count, 0);
  return [0, 1, RULES].map((rules, i) => ({
    what: `ingest in large batches, server and PostgreSQL, ${rules} filtered rules`,
    value: `${((costs[i] * 1e6) / entries).toFixed(2)} µs CPU a line`,
    ratio: times(costs[i] / none),
  }));
}

function batchesOf(linesPerSecond: number, seconds: number, size = linesPerSecond): LogBatch[] {
  const lines = [...entriesOf(linesPerSecond, seconds * 2)];
  const batches: LogBatch[] = [];
  for (let i = 0; i + size <= lines.length && batches.length < (seconds * linesPerSecond) / size; i += size)
    batches.push(batchOf(lines.slice(i, i + size)));
  return batches;
}

async function addRules(store: BenchStore, count: number, filterOf: (i: number) => object | null): Promise<void> {
  for (let i = 0; i < count; i++)
    await store.db.ownerSql(
      `INSERT INTO alert_rule (tenant_id, name, metric, filter, window_seconds, comparison, threshold, severity)
       VALUES ($1, 'rule', 'HITS_PER_SECOND', $2, 120, 'GREATER_THAN', 1000000, 'INFO')`,
      [store.tenantId, filterOf(i)],
    );
}
