import type { AlertMetric } from '../core/alerts/decide.js';
import { type AlertMessageType, reminderMessage } from '../core/alerts/message.js';
import { linkToEvent, type Message, type MessageKind, type ToldEvent } from '../core/notify/message.js';
import type { LogFilter } from '../core/retention/filter.js';
import type { Transaction } from '../store/database.js';
import { readLogs, type StoredEntry } from '../store/logs.js';
import type { Claimed } from './outbox.js';

/** Lines that a message shows of what caused it. */
const LINES_MAX = 5;

interface EventFacts {
  id: string;
  type: AlertMessageType;
  ruleName: string;
  agentId: string | null;
  agentName: string;
  at: number;
  value: number;
  threshold: number;
  severity: string;
  message: string;
  since: number | null;
  counted: { windowSeconds: number; filter: LogFilter } | null;
  /** Null: the rule is gone. */
  metric: AlertMetric | null;
  /** It tells of seconds without data, not of the metric. */
  isNoData: boolean;
  /** The metric, or the seconds without data, as they are now; null: it does not fire. */
  current: number | null;
}

/** What a claimed notification says; null: its events are gone. `link`: of the web page. */
export async function compose(tx: Transaction, claimed: Claimed, link: string | null): Promise<Message | null> {
  const { tenantId, messageId, type, isSummary, eventIds } = claimed;
  const [{ tenant }] = await tx.sql<{ tenant: string }>('SELECT name AS tenant FROM tenant WHERE id = $1', [tenantId]);
  const base = { id: messageId, tenant, link, events: [], lines: [], summarised: 0 };
  if (type === 'TEST') return { ...base, kind: 'TEST', rule: '', severity: 'INFO', metric: null, threshold: 0 };
  const events = await readEvents(tx, tenantId, eventIds);
  const [first] = events;
  if (first === undefined) return null;
  const { ruleName: rule, severity, threshold } = first;
  const metric = first.isNoData ? null : first.metric;
  if (isSummary) {
    const summarised = await countOld(tx, claimed);
    return { ...base, kind: 'SUMMARY', rule, severity, metric, threshold, summarised };
  }
  const told = events.map(type === 'REMINDER' ? remindedOf : toldOf);
  const lines = type === 'TRIGGERED' ? await causes(tx, tenantId, first) : [];
  const linked = { ...base, link: link && linkToEvent(link, first.id) };
  return { ...linked, kind: type as MessageKind, rule, severity, metric, threshold, events: told, lines };
}

function toldOf({ id, type, agentName, at, value, message, since }: EventFacts): ToldEvent {
  return { id, type, agent: agentName, at: iso(at), value, message, since: since === null ? null : iso(since) };
}

function remindedOf(event: EventFacts): ToldEvent {
  const { ruleName: name, metric, type, at, current } = event;
  if (metric === null || current === null) return toldOf({ ...event, since: at });
  return toldOf({ ...event, since: at, value: current, message: reminderMessage({ name, metric }, type, current, at) });
}

const iso = (second: number) => new Date(second * 1_000).toISOString().replace('.000Z', 'Z');

function readEvents({ sql }: Transaction, tenantId: string, ids: readonly string[]): Promise<EventFacts[]> {
  return sql<EventFacts & { [column: string]: unknown }>(
    `SELECT e.id, e.type, e.rule_name AS "ruleName", e.agent_id AS "agentId", e.agent_name AS "agentName", e.at_second AS at, e.value,
       e.threshold, e.severity, e.message, s.at_second AS since, e.counted, r.metric,
       (e.type = 'NO_DATA' OR s.type IS NOT DISTINCT FROM 'NO_DATA') AS "isNoData",
       CASE WHEN t.no_data_by = e.id THEN floor(extract(epoch FROM clock_timestamp()) - t.no_data_since_ms / 1000)::float8
         WHEN t.firing AND t.started_by = e.id THEN t.value END AS current
     FROM alert_event e LEFT JOIN alert_event s ON s.tenant_id = e.tenant_id AND s.id = e.started_by
       LEFT JOIN alert_rule r ON r.tenant_id = e.tenant_id AND r.id = e.rule_id
       LEFT JOIN alert_state t ON t.tenant_id = e.tenant_id AND t.rule_id = e.rule_id AND t.agent_id = e.agent_id
     WHERE e.tenant_id = $1 AND e.id = ANY ($2::uuid[]) ORDER BY e.number`,
    [tenantId, ids],
  );
}

/** Events of the rule and agent that were recorded since the summary was begun. */
async function countOld({ sql }: Transaction, { tenantId, ruleId, agentId, createdAt }: Claimed): Promise<number> {
  const [{ count }] = await sql<{ count: number }>(
    `SELECT count(*) FROM alert_event WHERE tenant_id = $1 AND rule_id = $2 AND agent_id = $3
       AND recorded_at >= $4::timestamptz - interval '5 seconds'`,
    [tenantId, ruleId, agentId, createdAt],
  );
  return count;
}

/** The newest lines of the window that fired. */
async function causes(tx: Transaction, tenantId: string, event: EventFacts): Promise<string[]> {
  const { agentId, at, counted } = event;
  if (agentId === null || counted === null) return [];
  const span = { fromMs: (at - counted.windowSeconds + 1) * 1_000, toMs: (at + 1) * 1_000 };
  const query = { tenantId, agentIds: [agentId], ...span, filter: counted.filter, first: LINES_MAX, after: null };
  const { entries } = await readLogs(tx, query);
  return entries.map(lineOf);
}

function lineOf({ timeMs, host, method, path, status, bytes, durationMs }: StoredEntry): string {
  const took = durationMs === null ? '' : ` ${durationMs} ms`;
  // Without what follows a `?`: it may hold secrets.
  return `${new Date(timeMs).toISOString()} ${host} ${method ?? '-'} ${path} ${status} ${bytes}${took}`;
}
