import { Field, ID, ObjectType } from 'type-graphql';
import { Role } from '../enums/index.js';

@ObjectType()
export class Tenant {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;
}

@ObjectType()
export class Viewer {
  @Field(() => Tenant)
  tenant!: Tenant;

  @Field(() => Role)
  role!: Role;
}
