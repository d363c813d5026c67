import type { TestServer } from './server.js';
import { ownerSql } from './tenants.js';

/** Columns of a plan, as `tenant` has them. */
export interface PlanColumns {
  agents_max?: number | null;
  entries_per_second_max?: number | null;
  alert_rules_max?: number | null;
  keep_logs_max_seconds?: number | null;
}

/** Changes a tenant's plan, as whoever runs the installation does. */
export async function setPlan(server: TestServer, tenantId: string, plan: PlanColumns): Promise<void> {
  for (const [column, value] of Object.entries(plan))
    await ownerSql(server, `UPDATE tenant SET ${column} = $2 WHERE id = $1`, [tenantId, value]);
}
