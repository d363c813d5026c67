import { createHash, randomUUID } from 'node:crypto';
import { databaseUrl, withConnection } from './database.js';
import type { TestServer } from './server.js';

export interface NewToken {
  /** Null: the server's first. */
  tenantId?: string | null;
  role: 'OPERATOR' | 'ADMIN' | 'VIEWER' | 'AGENT';
  agentName?: string | null;
  /** From now; negative: expired already. */
  expiresInMs?: number | null;
}

/** Runs SQL as the schema's owner, past the server. */
export async function ownerSql(server: TestServer, text: string, values: unknown[] = []) {
  const { rows } = await withConnection(databaseUrl(server.dataFolder), (client) => client.query(text, values));
  return rows;
}

export async function makeTenant(server: TestServer, name: string): Promise<string> {
  const [{ id }] = await ownerSql(server, 'INSERT INTO tenant (name) VALUES ($1) RETURNING id', [name]);
  for (const table of ['tenant_counter', 'tenant_traffic', 'retention'])
    await ownerSql(server, `INSERT INTO ${table} (tenant_id) VALUES ($1)`, [id]);
  return id;
}

/** Stores a token as the server would; returns its secret. */
export async function makeToken(
  server: TestServer,
  { tenantId = null, role, agentName = null, expiresInMs = null }: NewToken,
): Promise<string> {
  const secret = `hlm_test_${randomUUID()}`;
  await ownerSql(
    server,
    `INSERT INTO token (tenant_id, name, role, secret_hash, agent_name, expires_at)
     SELECT coalesce($1, (SELECT id FROM tenant ORDER BY created_at, id LIMIT 1)), 'test', $2, $3, $4,
       now() + make_interval(secs => $5)`,
    [
      tenantId,
      role,
      createHash('sha256').update(secret).digest(),
      agentName,
      expiresInMs === null ? null : expiresInMs / 1_000,
    ],
  );
  return secret;
}
