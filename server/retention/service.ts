import type { Logger } from 'pino';
import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { notFound } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { ensurePartitions } from '../store/partitions.js';
import { readAgents } from '../store/sql/agents.sql.js';
import { changedWindows, checkLogs, type RetentionChange } from './change.js';
import { inForce, lockSettings, type RetentionSettings, writeSettings } from './settings.js';

/** What a tenant keeps, and for how long. */
export class RetentionService {
  constructor(
    private readonly db: Database,
    /** What is stored already must follow; a job that comes by itself does the same. */
    private readonly onChanged: (tenantId: string) => Promise<void>,
    private readonly log: Logger,
  ) {}

  /**
   * Changes what is given. In force at once for what comes; a job lays out anew what is stored. What is longer than the
   * plan allows is kept in mind, and in force once the plan allows it.
   *
   * @returns what is in force
   * @throws ApiError BAD_USER_INPUT for values out of range, NOT_FOUND for agents that are not the tenant's.
   */
  async set(tenantId: string, change: RetentionChange, audit: Audit = unrecorded): Promise<RetentionSettings> {
    checkLogs(change);
    // Made before the change is: whatever is stored by it has a partition to go to.
    await ensurePartitions(this.db, keepsOf(change));
    const settings = await this.db.inTenants([tenantId], async (tx) => {
      const before = await lockSettings(tx, tenantId);
      await checkAgents(tx, tenantId, change, before);
      const windows = change.windows ? changedWindows(before.windows, change.windows) : before.windows;
      const after = await writeSettings(tx, tenantId, before, { ...change, windows });
      const changes = changesBetween(shownSettings(before), shownSettings(after));
      if (changes.length > 0)
        await audit(tx, { action: 'RETENTION_SET', subjectId: null, subject: 'retention', changes });
      return inForce(tx, tenantId, after);
    });
    await this.onChanged(tenantId).catch((error: unknown) =>
      this.log.warn({ err: error, tenantId }, 'retention changed; what is stored follows with the next regular job'),
    );
    return settings;
  }
}

/** As the audit log tells them. */
function shownSettings({ defaultSeconds, policies, windows }: RetentionSettings) {
  return { defaultSeconds, policies: policies.map(({ id: _, ...policy }) => policy), windows };
}

function keepsOf({ policies = [], defaultSeconds }: RetentionChange): number[] {
  const keeps = policies.map(({ keepSeconds }) => keepSeconds);
  return defaultSeconds === undefined ? keeps : [...keeps, defaultSeconds];
}

/** Agents must be the tenant's; one that was deleted since may stay where it was named. */
async function checkAgents(
  tx: Transaction,
  tenantId: string,
  { policies = [] }: RetentionChange,
  before: RetentionSettings,
): Promise<void> {
  const stored = new Set(before.policies.flatMap(({ agentIds }) => agentIds));
  const named = [...new Set(policies.flatMap(({ agentIds }) => agentIds))].filter((id) => !stored.has(id));
  if (named.length === 0) return;
  const known = await readAgents(tx.sql, tenantId, named);
  if (known.length < named.length) throw notFound('Agent');
}
