import type { PrimaryColumnOptions } from 'typeorm';

/** Every key begins with it. */
export const tenantScoped: PrimaryColumnOptions = { type: 'uuid', name: 'tenant_id' };
