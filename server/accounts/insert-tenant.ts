import type { Transaction } from '../store/database.js';

/** What a tenant begins with: its counters, how long it keeps what, the rule of high traffic. Returns its id. */
export async function insertTenant(sql: Transaction['sql'], name: string): Promise<string> {
  const [{ id }] = await sql<{ id: string }>(
    `WITH made AS (INSERT INTO tenant (name) VALUES ($1) RETURNING id),
       counted AS (INSERT INTO tenant_counter (tenant_id) SELECT id FROM made),
       measured AS (INSERT INTO tenant_traffic (tenant_id) SELECT id FROM made),
       keeping AS (INSERT INTO retention (tenant_id) SELECT id FROM made),
       errors AS (
         INSERT INTO retention_policy (tenant_id, place, name, filter, keep_seconds)
         SELECT id, 1, 'Errors', '{"statusMin": 400}', 604800 FROM made),
       ruled AS (
         INSERT INTO alert_rule (tenant_id, name, metric, window_seconds, comparison, threshold, severity)
         SELECT id, 'High traffic', 'HITS_PER_SECOND', 120, 'GREATER_THAN', 10, 'WARNING' FROM made)
     SELECT id FROM made`,
    [name],
  );
  return id;
}
