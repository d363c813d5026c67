import { setTimeout as sleep } from 'node:timers/promises';
import { compareSomeTraffic } from './compare-traffic.js';
import { equal, equalLists } from './equal.js';
import { isExpired, LEDGER, type Model, type ModelAgent, type ModelEntry } from './model.js';
import { DIRECT, type Real } from './real.js';

const SETTLED_WITHIN_MS = 10_000;
const counts = `ledger { ${LEDGER.join(' ')} }`;
const AGENTS = `{ agents { nodes { name watermark firstEventAt lastEventAt ${counts}
  streams(first: 1000) { id name position duplicateBatches ${counts} } } } }`;
const LOGS = `query ($after: String, $first: Int!) { logs(first: $first, after: $after) {
  nodes { time agent { name } host user method path query status bytes referrer userAgent }
  pageInfo { hasNextPage endCursor } } }`;
const ALERTS = `query ($ruleIds: [ID!], $agentIds: [ID!]) {
  alertEvents(ruleIds: $ruleIds, first: 500, newestFirst: false) { nodes { type at value agentName rule { id } } }
  activeAlerts(agentIds: $agentIds) { at rule { id } } }`;

/** Compares all that the API tells of the tenant with the model. */
export async function compare(model: Model, real: Real): Promise<void> {
  await Promise.all([compareAgents(model, real), compareEntries(model, real), compareSomeTraffic(model, real)]);
  await settleAlerts(model, real);
  await compareAlerts(model, real);
}

/** Decides up to each agent's clock, and waits until the server has done so: its events are of what was there then. */
export async function settleAlerts(model: Model, real: Real): Promise<void> {
  for (const agent of model.agents.filter(({ rules }) => rules.length > 0)) {
    model.decide(agent);
    const decided = agent.rules.map(({ rule, decidedUntil }) => [rule.id, decidedUntil]);
    const expected = stateOf(agent.alertClockMs, decided);
    if (agent.settled === expected) continue;
    const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
    for (;;) {
      const rows = await real.bench.sql<StateRow>(STATES, [agent.id]);
      const known = new Map(rows.map((row) => [row.ruleId, row.decidedUntil]));
      const told = agent.rules.map(({ rule }) => [rule.id, known.get(rule.id) ?? null]);
      agent.settled = stateOf(rows[0]?.clockMs ?? null, told);
      if (agent.settled === expected) break;
      if (performance.now() > deadlineMs) equal(agent.settled, expected, 'how far alerts are decided');
      await sleep(20);
    }
  }
}

interface StateRow {
  clockMs: number | null;
  ruleId: string | null;
  decidedUntil: number | null;
}
const STATES = `SELECT alert_clock_ms::float8 AS "clockMs", rule_id AS "ruleId",
    CASE WHEN decided_until IS NOT NULL THEN greatest(decided_until, alert_clock_ms / 1000 - 1) END::float8 AS "decidedUntil"
  FROM agent LEFT JOIN alert_state ON agent_id = agent.id WHERE agent.id = $1`;
const stateOf = (clockMs: number | null, decided: readonly unknown[]): string => JSON.stringify([clockMs, decided]);

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

async function compareAgents(model: Model, real: Real): Promise<void> {
  const { agents } = await real.ask(AGENTS);
  const told = agents.nodes.map(({ streams, watermark, ...agent }: Told) => ({
    ...agent,
    watermark: streams.some(isScripted) ? null : watermark,
    streams: streams.map(({ id, ...stream }) => ({ ...stream, id: isScripted(stream) ? stream.name : id })).sort(byId),
  }));
  const expected = model.agents.map((agent) => ({
    name: agent.name,
    watermark: agent.streams.some(isScripted) ? null : iso(agent.watermarkMs),
    firstEventAt: iso(least(agent.entries)),
    lastEventAt: iso(greatest(agent.entries)),
    ledger: sumOfLedgers(agent),
    streams: agent.streams
      .map(({ id, name, position, duplicateBatches, ledger }) => ({ id, name, position, duplicateBatches, ledger }))
      .sort(byId),
  }));
  equalLists(told.sort(byName), expected.sort(byName), 'agents, streams and what is counted of them');
}

interface Told {
  name: string;
  watermark: string | null;
  streams: { id: string; name: string }[];
}

/**
 * Streams that a script names are known by their names, the others by the ids that claims told. The time of the former
 * goes on as the wall clock does, once they are quiet: with them an agent's watermark is not compared.
 */
const isScripted = ({ name }: { name: string }): boolean => SCRIPTS.has(name);
const SCRIPTS = new Set([DIRECT, 'nightly']);

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
const least = (entries: readonly ModelEntry[]) =>
  entries.length === 0 ? null : Math.min(...entries.map(({ timeMs }) => timeMs));
const greatest = (entries: readonly ModelEntry[]) =>
  entries.length === 0 ? null : Math.max(...entries.map(({ timeMs }) => timeMs));

function sumOfLedgers({ streams }: ModelAgent) {
  return Object.fromEntries(LEDGER.map((name) => [name, streams.reduce((sum, { ledger }) => sum + ledger[name], 0)]));
}

/** Raw entries that are still kept, by pages of one size and another. */
async function compareEntries(model: Model, real: Real): Promise<void> {
  const told: string[] = [];
  const times: number[] = [];
  const first = model.steps % 4 === 0 ? 7 : 1_000;
  for (let after: string | null = null, more = true; more; ) {
    const { logs } = await real.ask(LOGS, { after, first });
    for (const { time, agent, query, ...entry } of logs.nodes) {
      const timeMs = Date.parse(time);
      told.push(wordsOf({ ...entry, timeMs, agent: agent.name, number: Number(query.slice(2)) }));
      times.push(timeMs);
    }
    after = logs.pageInfo.endCursor;
    more = logs.pageInfo.hasNextPage;
  }
  const kept = model.agents.flatMap(({ entries }) => entries).filter((entry) => entry.stored && !isExpired(entry));
  equalLists(told.sort(), kept.map(wordsOf).sort(), 'raw entries');
  const newestFirst = [...times].sort((a, b) => b - a);
  equal(times, newestFirst, 'raw entries, the newest first');
}

type Words = Omit<ModelEntry, 'counted' | 'stored' | 'ageSeconds'>;
function wordsOf(entry: Words): string {
  const { number, agent, timeMs, host, user, method, path, status, bytes, referrer, userAgent } = entry;
  return JSON.stringify([number, agent, iso(timeMs), host, user, method, path, status, bytes, referrer, userAgent]);
}

async function compareAlerts(model: Model, real: Real): Promise<void> {
  const watched = model.agents.filter(({ rules }) => rules.length > 0);
  const rules = watched.flatMap((agent) => agent.rules.map((one) => ({ agent, one })));
  const variables = { ruleIds: rules.map(({ one }) => one.rule.id), agentIds: watched.map(({ id }) => id) };
  const { alertEvents, activeAlerts } = await real.ask(ALERTS, variables);
  for (const { agent, one } of rules) {
    const { id, name } = one.rule;
    const told = alertEvents.nodes
      .filter((event: { agentName: string; rule: { id: string } }) => event.rule.id === id)
      .map(({ type, at, value, agentName }: { type: string; at: string; value: number; agentName: string }) => ({
        type,
        at: iso(Date.parse(at)),
        value,
        agentName,
      }));
    const expected = one.events.map((event) => ({ ...event, at: iso(event.at * 1_000), agentName: agent.name }));
    equalLists(told, expected, `events of rule ${name}`);
    const active = activeAlerts.filter((event: { rule: { id: string } }) => event.rule.id === id);
    equal(active.length, one.isFiring ? 1 : 0, `active alerts of rule ${name}`);
  }
}
