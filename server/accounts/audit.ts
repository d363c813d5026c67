import type { AuditAction } from '../../schema/enums/index.js';
import type { Identity } from '../auth/tokens.js';
import type { Transaction } from '../store/database.js';

type Sql = Transaction['sql'];

/** A value that was changed, as text. */
export interface Change {
  field: string;
  before: string | null;
  after: string | null;
}

/** What was changed. */
export interface AuditRecord {
  action: AuditAction;
  subjectId: string | null;
  /** Its name. */
  subject: string;
  changes?: readonly Change[];
}

/** Records what somebody changed, in the transaction that changes it. */
export type Audit = (tx: Transaction, record: AuditRecord) => Promise<void>;

/** For what nobody asked for. */
export const unrecorded: Audit = async () => undefined;

/** The log of a caller's own tenant. */
export function auditOf(actor: Identity): Audit {
  return (tx, record) => recordAudit(tx.sql, actor, actor.tenantId, record);
}

/** @param tenantId whose log it is: an operator changes other tenants too */
export async function recordAudit(sql: Sql, actor: Identity, tenantId: string, record: AuditRecord): Promise<void> {
  const { action, subjectId, subject, changes = [] } = record;
  await sql(
    `INSERT INTO audit_entry (tenant_id, actor, actor_role, actor_token_id, action, subject_id, subject, details)
     VALUES ($1, coalesce((SELECT coalesce(u.name, t.name) FROM token t LEFT JOIN app_user u ON u.tenant_id = t.tenant_id AND u.id = t.user_id
       WHERE t.tenant_id = $2 AND t.id = $3), 'a token that was revoked'), $4, $3, $5, $6, $7, $8)`,
    [tenantId, actor.tenantId, actor.tokenId, actor.role, action, subjectId, subject, JSON.stringify({ changes })],
  );
}

export interface AuditRow {
  number: number;
  at: Date;
  actor: string;
  role: Identity['role'];
  action: AuditAction;
  subjectId: string | null;
  subject: string;
  changes: Change[];
}

/** The newest first, from below a number on; null: from the newest. */
export async function readAudit(
  { sql }: Transaction,
  tenantId: string,
  { before, limit }: { before: number | null; limit: number },
): Promise<AuditRow[]> {
  const rows = await sql<AuditRow & { details: { changes?: Change[] } }>(
    `SELECT number, at, actor, actor_role AS role, action, subject_id AS "subjectId", subject, details
     FROM audit_entry WHERE tenant_id = $1 AND ($2::bigint IS NULL OR number < $2) ORDER BY number DESC LIMIT $3`,
    [tenantId, before, limit],
  );
  return rows.map(({ details, ...row }) => ({ ...row, changes: details.changes ?? [] }));
}

/** Values as an audit log shows them. */
export function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What differs between two states of the same fields. */
export function changesBetween(before: object, after: object): Change[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Array.from(fields, (field) => ({
    field,
    before: shown((before as Record<string, unknown>)[field]),
    after: shown((after as Record<string, unknown>)[field]),
  })).filter((change) => change.before !== change.after);
}
