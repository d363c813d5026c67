import type { Transaction } from '../database.js';

/**
 * Of each tenant's rules what another is after any change of them, whoever makes it: each version of a row has the id of
 * the transaction that wrote it. A tenant without rules has none.
 */
export async function rulesStamps(
  sql: Transaction['sql'],
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (tenantIds.length === 0) return new Map();
  const rows = await sql<{ tenantId: string; stamp: string }>(
    `SELECT tenant_id AS "tenantId", md5(string_agg(id::text || xmin::text, ',' ORDER BY id)) AS stamp
     FROM alert_rule WHERE tenant_id = ANY ($1::uuid[]) GROUP BY tenant_id`,
    [tenantIds],
    { name: 'rules-stamps' },
  );
  return new Map(rows.map(({ tenantId, stamp }) => [tenantId, stamp]));
}
