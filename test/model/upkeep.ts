import fc from 'fast-check';
import { makeOlder } from '../support/older.js';
import { until } from '../support/server.js';
import { settleAlerts } from './compare.js';
import { compareSpan, compareTraffic } from './compare-traffic.js';
import { equal } from './equal.js';
import { CLUSTER_SECONDS, CLUSTERS_MS } from './lines.js';
import { isExpired, KEEP_ERRORS_SECONDS, type Model } from './model.js';
import type { Real } from './real.js';
import { AGENTS } from './sending.js';
import { Step } from './step.js';

const WINDOW_MS = 10_000;
/** Restarts of one history at most: each makes all others wait. */
const RESTARTS_MAX = 1;

interface Span {
  fromMs: number;
  toMs: number;
}

/** Borders of 10 seconds in a cluster, around it, or of windows that are coarser. */
const border = fc.oneof(
  fc
    .tuple(fc.constantFrom(...CLUSTERS_MS), fc.integer({ min: -1, max: CLUSTER_SECONDS / 10 + 1 }))
    .map(([startMs, windows]) => startMs + windows * WINDOW_MS),
  fc.constantFrom(
    Date.UTC(2024, 0, 1),
    Date.UTC(2024, 1, 1),
    Date.UTC(2024, 1, 1, 1),
    Date.UTC(2024, 1, 2),
    Date.UTC(2024, 2, 1),
    Date.UTC(2024, 3, 1),
  ),
);
const spans: fc.Arbitrary<Span> = fc
  .tuple(border, border)
  .map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: a === b ? a + WINDOW_MS : Math.max(a, b) }));
const agents = fc.constantFrom<(readonly string[])[]>([AGENTS[0]], [AGENTS[1]], AGENTS);

/** Rows that the server has locked just now are left: waiting for them, both might wait for each other. */
const QUIETEN_AGENTS = `UPDATE agent SET last_batch_at = now() - interval '1 day' WHERE id IN (
  SELECT id FROM agent WHERE tenant_id = $1 AND name = ANY ($2) FOR NO KEY UPDATE SKIP LOCKED)`;
const QUIETEN_MARKS = `UPDATE rollup_mark SET marked_at = now() - interval '1 day' WHERE ctid IN (
  SELECT ctid FROM rollup_mark WHERE tenant_id = $1 FOR UPDATE SKIP LOCKED)`;

/** As if some agents had been quiet for long; the second round computes what the first one marked of the tenant. */
export const rollUp = fc
  .record({ agents, rounds: fc.constantFrom(1, 2) })
  .map((params) => new Step('roll up', params, (_model, real) => rollUpSome(real, params.agents, params.rounds)));

async function rollUpSome({ bench, tenantId }: Real, names: readonly string[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await bench.sql(QUIETEN_AGENTS, [tenantId, names]);
    await bench.sql(QUIETEN_MARKS, [tenantId]);
    await bench.rollUp();
  }
}

/** Until nothing is dirty any more: what the server has locked just now is left to it. */
export async function rollUpAll(real: Real): Promise<void> {
  const marks = 'SELECT FROM rollup_mark WHERE tenant_id = $1 LIMIT 1';
  const isDone = async () => {
    await rollUpSome(real, AGENTS, 1);
    return (await real.bench.sql(marks, [real.tenantId])).length === 0;
  };
  await until(isDone, ROLLED_UP_WITHIN_MS, 'all windows to be rolled up');
}
const ROLLED_UP_WITHIN_MS = 20_000;

const DELETE = `mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { windows hits logs } }`;

export const deleteSpan = fc
  .record({ span: spans, agents, all: fc.boolean(), includeLogs: fc.boolean() })
  .map((params) => new Step('delete', params, eraseSpan));

interface DeleteParams {
  span: Span;
  agents: readonly string[];
  /** Of all agents, without naming any. */
  all: boolean;
  includeLogs: boolean;
}

async function eraseSpan(model: Model, real: Real, { span, agents, all, includeLogs }: DeleteParams) {
  await settleAlerts(model, real);
  const some = model.agents.filter(({ name }) => all || agents.includes(name));
  const timeframes = [{ from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() }];
  const agentIds = all ? null : some.map(({ id }) => id);
  const { deleteTraffic } = await real.ask(DELETE, { input: { timeframes, agentIds, includeLogs } });
  const within = some
    .flatMap(({ entries }) => entries)
    .filter(({ timeMs }) => timeMs >= span.fromMs && timeMs < span.toMs);
  const counted = within.filter((entry) => entry.counted);
  const stored = within.filter((entry) => includeLogs && entry.stored && !isExpired(entry));
  const windows = new Set(counted.map(({ agent, timeMs }) => `${agent} ${Math.floor(timeMs / WINDOW_MS)}`)).size;
  const expected = { windows, hits: counted.length, logs: stored.length };
  equal({ ...deleteTraffic }, expected, 'what a deletion says that went');
  for (const entry of counted) entry.counted = false;
  for (const entry of stored) entry.stored = false;
}

/** Time passes for what an agent has sent; all steps are far from the policies' ends, which real time comes no nearer. */
export const grow = fc
  .record({ agent: fc.constantFrom(...AGENTS), seconds: fc.constantFrom(1_000, 2_000, 4_000, KEEP_ERRORS_SECONDS) })
  .map((params) => new Step('entries grow older', params, growOlder));

async function growOlder(model: Model, real: Real, params: { agent: string; seconds: number }) {
  const agent = model.agent(params.agent);
  await makeOlder(real.bench.server, agent.id, params.seconds);
  for (const entry of agent.entries) entry.ageSeconds += params.seconds;
}

/** Any span, which windows of all widths and their parts tell. */
export const askSpan = spans.map((span) => new Step('ask', span, (model, real) => compareSpan(model, real, span)));

export const askAll = fc.constant(new Step('ask all', {}, (model, real) => compareTraffic(model, real)));

export const restartServer = fc.constant(
  new Step(
    'restart the server',
    {},
    async (model, real) => {
      model.restarts++;
      await real.bench.restart();
    },
    ({ restarts }) => restarts < RESTARTS_MAX,
    true,
  ),
);
