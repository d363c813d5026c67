import type { EntityManager, EntityTarget, FindOptionsWhere, ObjectLiteral } from 'typeorm';
import { type ApiError, notFound } from '../errors.js';
import type { Transaction } from './database.js';
import { isUuid } from './uuid.js';

/** PostgreSQL's unique_violation. */
const UNIQUE_VIOLATION = '23505';

/**
 * The row of an id that a client named.
 *
 * @param where with all that makes it the caller's own
 * @param what the row is, as the client is told
 * @param lock nobody else changes it until the transaction ends
 * @throws ApiError NOT_FOUND.
 */
export async function existing<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Row>,
  where: FindOptionsWhere<Row> & { id: string },
  what: string,
  { lock = false } = {},
): Promise<Row> {
  const locked = lock ? { lock: { mode: 'pessimistic_write' as const } } : {};
  const row = isUuid(where.id) ? await manager.findOne(entity, { where, ...locked }) : null;
  if (row === null) throw notFound(what);
  return row;
}

/** @throws ApiError NOT_FOUND where one of these ids is not a tenant's own. */
export async function expectOwned(
  { sql }: Pick<Transaction, 'sql'>,
  tenantId: string,
  table: 'agent' | 'alert_rule' | 'notification_channel',
  ids: readonly string[],
  what: string,
): Promise<void> {
  if (ids.length === 0) return;
  const known = await sql(`SELECT FROM ${table} WHERE tenant_id = $1 AND id::text = ANY ($2)`, [tenantId, ids]);
  if (known.length < new Set(ids).size) throw notFound(what);
}

/**
 * Writes what must be unique. Not by looking first: another may write it in the same instant.
 *
 * @throws `taken` where another has it; the transaction is lost then.
 */
export async function unlessTaken<Result>(write: () => Promise<Result>, taken: () => ApiError): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw (error as { code?: string }).code === UNIQUE_VIOLATION ? taken() : error;
  }
}
