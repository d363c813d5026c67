import { randomUUID } from 'node:crypto';
import { insertTenant } from '../../../server/accounts/insert-tenant.js';
import { type Answer, type TestServer, until } from '../server.js';
import { makeToken, ownerSql } from '../tenants.js';

export const ROLES = ['OPERATOR', 'ADMIN', 'VIEWER', 'AGENT'] as const;
export type RoleName = (typeof ROLES)[number];

/** What one tenant has of everything: its texts hold its mark, but for the names that both tenants have. */
export interface Side {
  tenantId: string;
  mark: string;
  tokens: Record<RoleName, string>;
  /** Of `web-1`, which both have. */
  agentId: string;
  streamId: string;
  ruleId: string;
  eventId: string;
  channelId: string;
  silenceId: string;
  userId: string;
  tokenId: string;
  /** Name of an agent that the other tenant has not. */
  loneAgent: string;
  cursors: { agents: string; logs: string; alertEvents: string; auditLog: string };
  ask: (query: string, variables?: object, role?: RoleName) => Promise<Answer>;
}

/** An agent of this name is in both tenants, as are the policy "Errors" and the rule "High traffic". */
export const SHARED_AGENT = 'web-1';
/** Event time of all that is seeded, in the past: it moves no clock of now. */
export const NOON_MS = Date.parse('2024-05-01T12:00:00Z');

export const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome agent { id name } } }';

export function markedEntry(mark: string, timeMs: number) {
  return {
    time: new Date(timeMs).toISOString(),
    host: `${mark}.example`,
    user: `${mark}-user`,
    method: 'GET',
    path: `/${mark}/page?q=${mark}`,
    status: 200,
    bytes: 10,
    referrer: `https://${mark}.example/`,
    userAgent: `${mark}-browser`,
  };
}

/** @param offsetMs of its events: no entry of one tenant has the time of one of the other */
export async function seedTenant(server: TestServer, name: string, mark: string, offsetMs: number): Promise<Side> {
  const tenantId = await insertTenant(async (text, values) => (await ownerSql(server, text, values)) as never, name);
  const tokens = {} as Side['tokens'];
  for (const role of ROLES) tokens[role] = await makeToken(server, { tenantId, role });
  const ask: Side['ask'] = (query, variables, role = 'ADMIN') => server.gql(query, variables, tokens[role]);
  const must = async (query: string, variables?: object) => {
    const { data, errors } = await ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const startMs = NOON_MS + offsetMs;
  const send = (agent: string, from: number, count: number, more: object = {}) =>
    must(INGEST, {
      input: { agent, entries: Array.from({ length: count }, () => markedEntry(mark, startMs + from)), ...more },
    });
  const loneAgent = `only-of-${offsetMs}`;
  const { createAlertRule: rule } = await must(
    `mutation ($name: String!) { createAlertRule(input: { name: $name, window: "PT10S", threshold: 5 }) { id } }`,
    { name: `${mark} rule` },
  );
  const rejections = [{ position: 1, reason: `${mark} reason`, sample: `${mark} sample` }];
  const { ingestLogs } = await send(SHARED_AGENT, 0, 100, { malformed: 1, rejections });
  // The alert clock goes 5 s behind the newest event: what fires at the first second fires still.
  await send(SHARED_AGENT, 8_000, 1);
  await send(loneAgent, 0, 100);
  await send(loneAgent, 60_000, 1);
  await must('mutation ($input: ConnectAgentInput!) { connectAgent(input: $input) { incarnation } }', {
    input: { name: SHARED_AGENT, hostname: `${mark}.host`, version: `${mark}.version` },
  });
  const { openStream } = await must(
    'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId epoch } }',
    { input: { agent: SHARED_AGENT, name: `/var/log/${mark}.log` } },
  );
  await must(
    `mutation ($policies: [RetentionPolicyInput!]) { setRetention(input: { policies: $policies }) { defaultLogs } }`,
    {
      policies: [
        { name: 'Errors', filter: { statusMin: 400 }, keepLogs: 'P7D' },
        { name: `${mark} policy`, filter: { search: mark }, keepLogs: 'P1D', agentIds: [ingestLogs.agent.id] },
      ],
    },
  );
  const account = await seedAccounts(server, tenantId, mark);
  const { createNotificationChannel: channel } = await must(
    'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id } }',
    { input: { name: `${mark} channel`, kind: 'WEBHOOK', target: `http://127.0.0.1:9/${mark}` } },
  );
  const { createSilence: silence } = await must(
    'mutation ($input: SilenceInput!) { createSilence(input: $input) { id } }',
    { input: { name: `${mark} silence`, ruleIds: [rule.id], until: '2100-01-01T00:00:00Z' } },
  );
  await until(async () => {
    const { alertEvents, activeAlerts } = await must('{ alertEvents { nodes { type } } activeAlerts { id } }');
    return activeAlerts.length > 0 && alertEvents.nodes.some(({ type }: { type: string }) => type === 'RECOVERED');
  });
  const pages = await must(
    '{ agents { edges { cursor } } logs { edges { cursor } } alertEvents { edges { cursor node { id } } } auditLog { edges { cursor } } }',
  );
  const cursorOf = (list: string) => pages[list].edges[0].cursor;
  return {
    tenantId,
    mark,
    tokens,
    agentId: ingestLogs.agent.id,
    streamId: openStream.streamId,
    ruleId: rule.id,
    loneAgent,
    ...account,
    channelId: channel.id,
    silenceId: silence.id,
    eventId: pages.alertEvents.edges[0].node.id,
    cursors: {
      agents: cursorOf('agents'),
      logs: cursorOf('logs'),
      alertEvents: cursorOf('alertEvents'),
      auditLog: cursorOf('auditLog'),
    },
    ask,
  };
}

/** Rows of what the API may come to tell. */
async function seedAccounts(
  server: TestServer,
  tenantId: string,
  mark: string,
): Promise<{ userId: string; tokenId: string }> {
  const [user] = await ownerSql(
    server,
    `INSERT INTO app_user (tenant_id, name, email, role) VALUES ($1, $2, $3, 'ADMIN') RETURNING id`,
    [tenantId, `${mark} user`, `${mark}@example.com`],
  );
  const [token] = await ownerSql(
    server,
    `INSERT INTO token (tenant_id, name, role, secret_hash, user_id) VALUES ($1, $2, 'VIEWER', sha256($3::bytea), $4) RETURNING id`,
    [tenantId, `${mark} token`, randomUUID(), user.id],
  );
  await ownerSql(
    server,
    `INSERT INTO audit_entry (tenant_id, actor, actor_role, actor_token_id, action, subject_id, subject, details)
     VALUES ($1, $2, 'ADMIN', gen_random_uuid(), 'USER_CREATED', $3, $2, jsonb_build_object('changes', '[]'::jsonb))`,
    [tenantId, `${mark} actor`, user.id],
  );
  return { userId: user.id, tokenId: token.id };
}

/** All that must never be told to another tenant: its mark, and every UUID of its rows. */
export async function secretsOf(server: TestServer, { tenantId, mark }: Side): Promise<string[]> {
  const columns = await ownerSql(
    server,
    `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
       AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id')`,
  );
  const ids = new Set<string>();
  for (const { table, column } of columns) {
    const rows = await ownerSql(
      server,
      `SELECT DISTINCT ${column} AS id FROM ${table} WHERE tenant_id = $1 AND ${column} IS NOT NULL`,
      [tenantId],
    );
    for (const { id } of rows) ids.add(id);
  }
  // Stands for all agents together in every tenant.
  ids.delete('00000000-0000-0000-0000-000000000000');
  return [mark, ...ids];
}
