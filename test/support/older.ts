import type { TestServer } from './server.js';
import { ownerSql } from './tenants.js';

/** Where tests make entries older, chunks need partitions of the past. */
export async function makePastPartitions(server: TestServer): Promise<void> {
  for (const retentionClass of ['hours', 'days', 'months']) {
    const table = `log_chunk_${retentionClass}`;
    const first = `date_trunc('${retentionClass.slice(0, -1)}', now(), 'UTC')`;
    const [{ bound }] = await ownerSql(server, `SELECT ${first}::text AS bound`);
    await ownerSql(
      server,
      `CREATE TABLE past_${retentionClass} PARTITION OF ${table} FOR VALUES FROM ('2021-01-01') TO ('${bound}')`,
    );
  }
}

/** As if the agent's entries had been taken in so much earlier. */
export async function makeOlder(server: TestServer, agentId: string, seconds: number): Promise<void> {
  const by = `- make_interval(secs => ${seconds})`;
  await ownerSql(
    server,
    `UPDATE log_chunk SET taken_in_at = taken_in_at ${by}, visible_from = visible_from ${by}, expires_at = expires_at ${by} WHERE agent_id = $1`,
    [agentId],
  );
}
