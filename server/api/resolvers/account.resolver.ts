import { Authorized, Ctx, Query, Resolver } from 'type-graphql';
import { Viewer } from '../../../schema/types/account.type.js';
import { TenantEntity } from '../../store/entities/tenant.entity.js';
import { ANYONE } from '../authority.js';
import { type Context, caller } from '../context.js';

@Resolver()
export class AccountResolver {
  @Authorized(ANYONE)
  @Query(() => Viewer, { description: 'Who the token speaks for.' })
  async viewer(@Ctx() context: Context): Promise<Viewer> {
    const { tenantId, role } = caller(context);
    const tenant = await context.services.db.inTenants([tenantId], ({ manager }) =>
      manager.findOneByOrFail(TenantEntity, { id: tenantId }),
    );
    return { tenant: { id: tenant.id, name: tenant.name }, role };
  }
}
