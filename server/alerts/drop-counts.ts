import { RULE_SECONDS_KEEP_MS } from '../core/alerts/rule-counts.js';
import type { Database } from '../store/database.js';
import { dropOldRuleSeconds } from '../store/sql/rule-seconds.sql.js';

/** Windows dropped in one transaction. */
const ROWS_AT_ONCE = 5_000;

/** Drops what filtered rules counted and none looks at any more: of a day before, and of rules that are gone. */
export async function dropOldCounts(db: Database): Promise<number> {
  for (let dropped = 0; ; ) {
    const count = await db.aboveTenants(({ sql }) => dropOldRuleSeconds(sql, RULE_SECONDS_KEEP_MS, ROWS_AT_ONCE));
    dropped += count;
    if (count < ROWS_AT_ONCE) return dropped;
  }
}
