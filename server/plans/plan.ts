import type { Plan } from '../core/plans/plan.js';
import { notFound } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';

/** A tenant's plan, as it is now. @throws ApiError NOT_FOUND where the tenant has gone since its token was looked at. */
export async function readPlan(sql: Transaction['sql'], tenantId: string): Promise<Plan> {
  const [plan] = await sql<Plan & { [column: string]: unknown }>(
    `SELECT agents_max AS "agentsMax", entries_per_second_max AS "entriesPerSecondMax", alert_rules_max AS "alertRulesMax",
       keep_logs_max_seconds AS "keepLogsMaxSeconds" FROM tenant WHERE id = $1`,
    [tenantId],
  );
  if (!plan) throw notFound('Tenant');
  return plan;
}

/** A plan that is known is asked for anew after this, while it is still used. */
const FRESH_MS = 1_000;
/** One that is older is not used: so late a change takes effect, at most. */
const USED_MS = 3_000;

interface Known {
  plan: Plan;
  readMs: number;
}

/** Plans that are looked at with every batch. */
export class PlanCache {
  private readonly known = new Map<string, Known>();
  private readonly reading = new Map<string, Promise<Plan>>();

  constructor(
    private readonly db: Pick<Database, 'inTenants'>,
    private readonly monotonicMs: () => number,
  ) {}

  /** @throws the database's error where the plan is not known. */
  async read(tenantId: string): Promise<Plan> {
    const known = this.known.get(tenantId);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : this.monotonicMs() - known.readMs;
    if (known === undefined || ageMs > USED_MS) return this.readAnew(tenantId);
    // Who waits for it next is told where it fails.
    if (ageMs > FRESH_MS) this.readAnew(tenantId).catch(() => undefined);
    return known.plan;
  }

  /** Once, however many ask. */
  private readAnew(tenantId: string): Promise<Plan> {
    let reading = this.reading.get(tenantId);
    if (reading === undefined) {
      reading = this.readNow(tenantId).finally(() => this.reading.delete(tenantId));
      this.reading.set(tenantId, reading);
    }
    return reading;
  }

  private async readNow(tenantId: string): Promise<Plan> {
    const readMs = this.monotonicMs();
    const plan = await this.db.inTenants([tenantId], ({ sql }) => readPlan(sql, tenantId));
    this.known.set(tenantId, { plan, readMs });
    return plan;
  }
}
