import { Field, ID, InputType, Int } from 'type-graphql';
import { Role } from '../enums/index.js';
import { GraphQLDateTime, GraphQLDuration } from '../scalars/index.js';

@InputType()
export class TenantInput {
  @Field(() => String)
  name!: string;
}

@InputType()
export class TenantLimitsInput {
  @Field(() => Int, { nullable: true })
  agents?: number | null;

  @Field(() => Int, { nullable: true })
  entriesPerSecond?: number | null;

  @Field(() => Int, { nullable: true })
  alertRules?: number | null;

  @Field(() => GraphQLDuration, { nullable: true })
  keepLogs?: number | null;
}

@InputType()
export class UserInput {
  @Field(() => String)
  name!: string;

  @Field(() => String)
  email!: string;

  @Field(() => Role)
  role!: Role;
}

@InputType()
export class UserPatch {
  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => String, { nullable: true })
  email?: string | null;

  @Field(() => Role, { nullable: true })
  role?: Role | null;
}

@InputType()
export class TokenInput {
  @Field(() => String)
  name!: string;

  @Field(() => Role)
  role!: Role;

  @Field(() => ID, { nullable: true })
  userId?: string | null;

  @Field(() => String, { nullable: true })
  agentName?: string | null;

  @Field(() => GraphQLDateTime, { nullable: true })
  expiresAt?: Date | null;
}
