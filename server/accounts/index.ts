export { type Audit, type AuditRow, auditOf, changesBetween, readAudit, unrecorded } from './audit.js';
export { insertTenant } from './insert-tenant.js';
export { purgeTenants } from './purge.js';
export { limitsOf, Tenants } from './tenants.js';
export { TokenBook } from './token-book.js';
export { Users } from './users.js';
