import { Field, ID, Int, ObjectType } from 'type-graphql';
import { AuditAction, Role } from '../enums/index.js';
import { GraphQLDateTime, GraphQLDuration } from '../scalars/index.js';
import { connectionOf } from './page.type.js';

@ObjectType({ description: "What a tenant's plan allows; without limit where null." })
export class TenantLimits {
  @Field(() => Int, { nullable: true })
  agents!: number | null;

  @Field(() => Int, { nullable: true })
  entriesPerSecond!: number | null;

  @Field(() => Int, { nullable: true })
  alertRules!: number | null;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description: 'The longest that raw entries may be kept, whatever the policies say.',
  })
  keepLogs!: number | null;
}

@ObjectType()
export class Tenant {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => TenantLimits)
  limits!: TenantLimits;
}

@ObjectType()
export class User {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String)
  email!: string;

  @Field(() => Role)
  role!: Role;
}

@ObjectType()
export class Viewer {
  @Field(() => Tenant)
  tenant!: Tenant;

  @Field(() => User, { nullable: true })
  user?: User | null;

  @Field(() => Role)
  role!: Role;
}

@ObjectType()
export class Token {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => Role)
  role!: Role;

  @Field(() => User, { nullable: true })
  user?: User | null;

  @Field(() => String, {
    nullable: true,
    description: 'The one agent that the token may ingest for; any where null.',
  })
  agentName!: string | null;

  @Field(() => GraphQLDateTime)
  createdAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'To within a minute.' })
  lastUsedAt!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true })
  expiresAt!: Date | null;
}

@ObjectType()
export class CreateTenantPayload {
  @Field(() => Tenant)
  tenant!: Tenant;

  @Field(() => Token)
  token!: Token;

  @Field(() => String)
  secret!: string;
}

@ObjectType()
export class CreateTokenPayload {
  @Field(() => Token)
  token!: Token;

  @Field(() => String)
  secret!: string;
}

@ObjectType({ description: 'A value that was changed, as text; null where there was none, or is none.' })
export class AuditChange {
  @Field(() => String)
  field!: string;

  @Field(() => String, { nullable: true })
  before!: string | null;

  @Field(() => String, { nullable: true })
  after!: string | null;
}

@ObjectType({ description: 'Who changed what, and when. Entries stay as long as the tenant.' })
export class AuditEntry {
  @Field(() => ID)
  id!: string;

  @Field(() => GraphQLDateTime)
  at!: Date;

  @Field(() => String, { description: "The user's name; the token's where it is no user's." })
  actor!: string;

  @Field(() => Role)
  role!: Role;

  @Field(() => AuditAction)
  action!: AuditAction;

  @Field(() => ID, { nullable: true })
  subjectId!: string | null;

  @Field(() => String, { description: 'What was changed, by the name that it had.' })
  subject!: string;

  @Field(() => [AuditChange])
  changes!: AuditChange[];
}

@ObjectType()
export class AuditEntryConnection extends connectionOf('AuditEntry', () => AuditEntry) {}
