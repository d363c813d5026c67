import { badInput } from '../errors.js';
import type { Database } from '../store/database.js';

/**
 * Makes a tenant with all that one begins with: counters, floors, retention, the rule "High traffic". In one statement:
 * there is all of it, or nothing.
 *
 * @returns its id
 * @throws ApiError BAD_USER_INPUT where there is a tenant of this name.
 */
export async function insertTenant(db: Pick<Database, 'ownerSql'>, name: string): Promise<string> {
  const [tenant] = await db.ownerSql<{ id: string }>(
    `WITH made AS (INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id),
       counted AS (INSERT INTO tenant_counter (tenant_id) SELECT id FROM made),
       measured AS (INSERT INTO tenant_traffic (tenant_id) SELECT id FROM made),
       keeping AS (INSERT INTO retention (tenant_id) SELECT id FROM made),
       errors AS (
         INSERT INTO retention_policy (tenant_id, place, name, filter, keep_seconds)
         SELECT id, 1, 'Errors', '{"statusMin": 400}', 604800 FROM made),
       watching AS (
         INSERT INTO alert_rule (tenant_id, name, metric, window_seconds, comparison, threshold, severity)
         SELECT id, 'High traffic', 'HITS_PER_SECOND', 120, 'GREATER_THAN', 10, 'WARNING' FROM made)
     SELECT id FROM made`,
    [name],
  );
  if (!tenant) throw badInput(`There is a tenant named ${name}.`);
  return tenant.id;
}
