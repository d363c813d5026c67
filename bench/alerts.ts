import { BATCH_ENTRIES_MAX, type Entry, type LogBatch } from '../schema/log-batch.js';
import { batchOf } from '../schema/log-batch-builder.js';
import { evaluateAgents } from '../server/alerts/evaluate.js';
import { AGENTS_AT_ONCE } from '../server/alerts/evaluator.js';
import { AlertMemory } from '../server/alerts/memory.js';
import { evaluationIntervalMs, PASSES_AN_INTERVAL } from '../server/core/alerts/pace.js';
import type { AgentKey } from '../server/store/sql/agent.sql.js';
import { BenchStore } from './store.js';
import { type BenchOptions, type Figure, median, times } from './table.js';
import { entriesOf, gathered } from './traffic.js';

const LINES_A_SECOND = 10;
const RULES = 10;
const WINDOW_SECONDS = 120;
/** An agent that sends all the time sends a batch so often. */
const BATCHES_EVERY_MS = 1_000;
/** Evaluations that read and count what there is, and compile. */
const WARM_UP = 3;
/** Share of a core that evaluation may take. */
const SHARE_GOAL = 0.2;
const FILTERS = [
  { statusMin: 400 },
  { section: '/api' },
  { path: '/api/user', statusMin: 500 },
  { method: 'POST' },
  { search: 'login' },
];

/** What live rules cost: evaluating many agents as often as the product does, and counting for filtered rules at ingest. */
export async function measureAlerts({ quick }: BenchOptions): Promise<Figure[]> {
  return [
    ...(await measureEvaluation(quick ? 100 : 1_000, quick ? 3 : 10)),
    ...(await measureCounting(quick ? 5 : 20)),
  ];
}

/** Their windows are full, and slide: each time, what a product with so many agents decides at its interval is new. */
async function measureEvaluation(count: number, rounds: number): Promise<Figure[]> {
  const store = await BenchStore.start();
  try {
    await addRules(store, RULES, (i) => (i < FILTERS.length ? FILTERS[i] : null));
    const intervalMs = Math.max(evaluationIntervalMs(count), BATCHES_EVERY_MS);
    const [past, ...live] = livesOf(intervalMs, WARM_UP + rounds);
    const agents = await appendToAll(store, count, past.slice(0, 1));
    const memory = new AlertMemory();
    const evaluate = () => evaluateAll(store, agents, memory);
    // From the second batch on filtered rules count at ingest.
    await evaluate();
    await appendToAll(store, count, past.slice(1));
    await evaluate();
    const measured: { node: number; postgres: number }[] = [];
    for (const [i, entries] of live.entries()) {
      await appendToAll(store, count, entries);
      const cpu = await store.cpuByProcess(evaluate);
      if (i >= WARM_UP) measured.push(cpu);
    }
    const costOf = (cost: (cpu: (typeof measured)[number]) => number) => median(measured.map(cost));
    const all = costOf(({ node, postgres }) => node + postgres);
    const share = (seconds: number) => seconds / (intervalMs / 1_000);
    const percent = (seconds: number) => `${(share(seconds) * 100).toFixed(1)} %`;
    return [
      {
        what: `${count.toLocaleString('en')} agents × ${RULES} rules (${FILTERS.length} filtered), each decided every ${intervalMs / 1_000} s`,
        value: `${((all * 1e6) / (count * RULES)).toFixed(1)} µs CPU a pair`,
        ratio: `${percent(all)} of a core: Node ${percent(costOf(({ node }) => node))}, PostgreSQL ${percent(costOf(({ postgres }) => postgres))}`,
        goal: `< ${SHARE_GOAL * 100} %`,
        missed: share(all) > SHARE_GOAL,
      },
    ];
  } finally {
    await store.close();
  }
}

/** Entries of an agent: of two windows, and then of so many intervals. */
function livesOf(intervalMs: number, intervals: number): Entry[][] {
  const seconds = 2 * WINDOW_SECONDS + ((intervals + 1) * intervalMs) / 1_000;
  const [first, ...rest] = gathered(entriesOf(LINES_A_SECOND, seconds), intervalMs);
  const pastIntervals = Math.ceil((2 * WINDOW_SECONDS * 1_000) / intervalMs);
  return [[first, ...rest.slice(0, pastIntervals)].flat(), ...rest.slice(pastIntervals, pastIntervals + intervals)];
}

async function appendToAll(store: BenchStore, count: number, entries: readonly Entry[]): Promise<AgentKey[]> {
  const json = JSON.stringify(batchOf(entries));
  const agents: AgentKey[] = [];
  for (let n = 0; n < count; n++)
    agents.push({ tenantId: store.tenantId, agentId: await store.append(`agent ${n}`, json) });
  return agents;
}

/** As the product does, a sixth of them after the other. */
async function evaluateAll(store: BenchStore, agents: readonly AgentKey[], memory: AlertMemory): Promise<void> {
  const atOnce = Math.min(AGENTS_AT_ONCE, Math.ceil(agents.length / PASSES_AN_INTERVAL));
  for (let i = 0; i < agents.length; i += atOnce) await evaluateAgents(store.db, agents.slice(i, i + atOnce), memory);
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
      await evaluateAgents(store.db, agent, new AlertMemory());
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
       VALUES ($1, 'rule', 'HITS_PER_SECOND', $2, $3, 'GREATER_THAN', 1000000, 'INFO')`,
      [store.tenantId, filterOf(i), WINDOW_SECONDS],
    );
}
