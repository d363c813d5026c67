import { Arg, Authorized, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import {
  TenantInput,
  TenantLimitsInput,
  TokenInput,
  UserInput,
  UserPatch,
} from '../../../schema/inputs/account.input.js';
import {
  AuditEntryConnection,
  CreateTenantPayload,
  CreateTokenPayload,
  Tenant,
  Token,
  User,
  Viewer,
} from '../../../schema/types/account.type.js';
import { limitsOf, readAudit } from '../../accounts/index.js';
import { badInput } from '../../errors.js';
import { TenantEntity } from '../../store/entities/tenant.entity.js';
import { TokenEntity } from '../../store/entities/token.entity.js';
import { UserEntity } from '../../store/entities/user.entity.js';
import { ANYONE, MANAGERS, OPERATORS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { givenOf } from '../given.js';
import { pageOf } from '../page.js';
import { readOnce } from '../request.js';
import { decodeCursor, encodeCursor, pageSize } from '../timeframe.js';

const AUDIT_OF_A_PAGE_MAX = 500;

type TokenSource = Token & { userId: string | null };

const tenantOf = (tenant: TenantEntity): Tenant => ({ id: tenant.id, name: tenant.name, limits: limitsOf(tenant) });

/** Field by field: the secret's hash is nobody's. */
function tokenOf({ id, name, role, userId, agentName, createdAt, lastUsedAt, expiresAt }: TokenEntity): TokenSource {
  return { id, name, role, userId, agentName, createdAt, lastUsedAt, expiresAt };
}

/** Who signs in, and who may. */
@Resolver(() => Viewer)
export class AccountResolver {
  @Authorized(ANYONE)
  @Query(() => Viewer, { description: 'Who the token speaks for.' })
  async viewer(@Ctx() context: Context): Promise<Viewer> {
    const { tenantId, role } = caller(context);
    const tenant = await context.services.db.inTenants([tenantId], ({ manager }) =>
      manager.findOneByOrFail(TenantEntity, { id: tenantId }),
    );
    return { tenant: tenantOf(tenant), role };
  }

  @Authorized(ANYONE)
  @FieldResolver(() => User, { nullable: true })
  async user(@Ctx() context: Context): Promise<User | null> {
    const { tenantId, tokenId } = caller(context);
    return context.services.db.inTenants([tenantId], async ({ manager }) => {
      const token = await manager.findOneBy(TokenEntity, { tenantId, id: tokenId });
      return token?.userId == null ? null : manager.findOneBy(UserEntity, { tenantId, id: token.userId });
    });
  }

  @Authorized(MANAGERS)
  @Query(() => [User], { description: "The tenant's users and tokens; administrators only." })
  users(@Ctx() context: Context): Promise<User[]> {
    return context.services.users.list(caller(context).tenantId);
  }

  @Authorized(MANAGERS)
  @Mutation(() => User)
  createUser(@Ctx() context: Context, @Arg('input', () => UserInput) input: UserInput): Promise<User> {
    return context.services.users.create(caller(context), { ...input });
  }

  @Authorized(MANAGERS)
  @Mutation(() => User, { description: "A lower role is that of the user's tokens too." })
  updateUser(
    @Ctx() context: Context,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UserPatch) input: UserPatch,
  ): Promise<User> {
    return context.services.users.update(caller(context), id, givenOf(input));
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean, { description: 'And revokes its tokens.' })
  async deleteUser(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    await context.services.users.delete(caller(context), id);
    return true;
  }

  @Authorized(MANAGERS)
  @Query(() => AuditEntryConnection, { description: 'Who changed what; the newest first.' })
  async auditLog(
    @Ctx() context: Context,
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
  ): Promise<AuditEntryConnection> {
    const { tenantId } = caller(context);
    const size = pageSize(first, AUDIT_OF_A_PAGE_MAX);
    const before = after == null ? null : Number(decodeCursor(after, 1)[0]);
    if (before !== null && !Number.isSafeInteger(before)) throw badInput('after is no cursor of this list.');
    const rows = await context.services.db.inTenants([tenantId], (tx) =>
      readAudit(tx, tenantId, { before, limit: size + 1 }),
    );
    const entries = rows.map(({ number, ...entry }) => ({ ...entry, id: encodeCursor([number]) }));
    return pageOf(entries, { size, isFirst: before === null, cursorOf: ({ id }) => id });
  }
}

@Resolver(() => Token)
export class TokenResolver {
  @Authorized(MANAGERS)
  @Query(() => [Token])
  async tokens(@Ctx() context: Context): Promise<TokenSource[]> {
    return (await context.services.tokenBook.list(caller(context).tenantId)).map(tokenOf);
  }

  @Authorized(MANAGERS)
  @FieldResolver(() => User, { nullable: true })
  async user(@Root() { userId }: TokenSource, @Ctx() context: Context): Promise<User | null> {
    if (userId === null) return null;
    const users = await readOnce(context, usersOf);
    return users.find(({ id }) => id === userId) ?? null;
  }

  @Authorized(MANAGERS)
  @Mutation(() => CreateTokenPayload, { description: 'The secret is shown this once.' })
  async createToken(
    @Ctx() context: Context,
    @Arg('input', () => TokenInput) { name, role, userId, agentName, expiresAt }: TokenInput,
  ): Promise<CreateTokenPayload> {
    const { token, secret } = await context.services.tokenBook.create(caller(context), {
      name,
      role,
      userId: userId ?? null,
      agentName: agentName ?? null,
      expiresAt: expiresAt ?? null,
    });
    return { token: tokenOf(token), secret };
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean)
  async revokeToken(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    await context.services.tokenBook.revoke(caller(context), id);
    return true;
  }
}

/** All of a tenant's: tokens of a list ask for many of them. */
const usersOf: Parameters<typeof readOnce<UserEntity[]>>[1] = ({ manager }, tenantId) =>
  manager.findBy(UserEntity, { tenantId });

/** For operators: what stands above tenants. */
@Resolver()
export class TenantResolver {
  @Authorized(OPERATORS)
  @Query(() => [Tenant], { description: 'Operators only.' })
  async tenants(@Ctx() context: Context): Promise<Tenant[]> {
    return (await context.services.tenants.list()).map(tenantOf);
  }

  @Authorized(OPERATORS)
  @Mutation(() => CreateTenantPayload, { description: "With its first administrator's token." })
  async createTenant(
    @Ctx() context: Context,
    @Arg('input', () => TenantInput) { name }: TenantInput,
  ): Promise<CreateTenantPayload> {
    const { tenant, token, secret } = await context.services.tenants.create(caller(context), name);
    return { tenant: tenantOf(tenant), token: tokenOf(token), secret };
  }

  @Authorized(OPERATORS)
  @Mutation(() => Tenant, { description: 'Operators only; absent leaves, null lifts.' })
  async setTenantLimits(
    @Ctx() context: Context,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => TenantLimitsInput) input: TenantLimitsInput,
  ): Promise<Tenant> {
    return tenantOf(await context.services.tenants.setLimits(caller(context), id, { ...input }));
  }

  @Authorized(OPERATORS)
  @Mutation(() => Boolean, { description: 'With all that it holds.' })
  async deleteTenant(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    await context.services.tenants.delete(caller(context), id);
    return true;
  }
}
