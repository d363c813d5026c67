import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

/** Event ms below which windows of each of RESOLUTIONS, and their breakdowns, are not kept. */
export interface TrafficFloors {
  windowFloors: number[];
  breakdownFloors: number[];
}

const FLOORS = `window_floors::float8[] AS "windowFloors", breakdown_floors::float8[] AS "breakdownFloors"`;

/** Floors of a tenant's own windows; undefined where it has none. */
export async function readTenantFloors(sql: Sql, tenantId: string): Promise<TrafficFloors | undefined> {
  const [row] = await sql<TrafficFloors & { [column: string]: unknown }>(
    `SELECT ${FLOORS} FROM tenant_traffic WHERE tenant_id = $1`,
    [tenantId],
  );
  return row;
}

/** Takes the lock of a tenant's own windows; undefined where there is no such tenant, or another holds it. */
export async function lockTenantTraffic(
  sql: Sql,
  tenantId: string,
  { skipLocked = false } = {},
): Promise<TrafficFloors | undefined> {
  const [row] = await sql<TrafficFloors & { [column: string]: unknown }>(
    `SELECT ${FLOORS} FROM tenant_traffic WHERE tenant_id = $1 FOR NO KEY UPDATE ${skipLocked ? 'SKIP LOCKED' : ''}`,
    [tenantId],
  );
  return row;
}
