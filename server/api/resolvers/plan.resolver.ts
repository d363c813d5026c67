import { Authorized, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { Role } from '../../../schema/enums/index.js';
import { Tenant } from '../../../schema/types/account.type.js';
import { TenantUsage } from '../../../schema/types/plan.type.js';
import { forbidden } from '../../errors.js';
import { readUsage } from '../../plans/index.js';
import { READERS } from '../authority.js';
import { type Context, caller } from '../context.js';

/** What tenants use of their plans. */
@Resolver(() => Tenant)
export class PlanResolver {
  @Authorized(READERS)
  @FieldResolver(() => TenantUsage)
  async usage(@Root() tenant: Tenant, @Ctx() context: Context): Promise<TenantUsage> {
    const { tenantId, role } = caller(context);
    // Operators look after all tenants; everyone else has but one.
    if (tenant.id !== tenantId && role !== Role.OPERATOR) throw forbidden();
    const read = context.services.db.inTenants([tenant.id], (tx) => readUsage(tx, tenant.id), {
      snapshot: true,
      signal: context.signal,
    });
    const { keepLogsSeconds, ...usage } = await read;
    return { ...usage, keepLogs: keepLogsSeconds };
  }
}
