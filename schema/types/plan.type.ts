import { Field, Float, Int, ObjectType } from 'type-graphql';
import { GraphQLDuration } from '../scalars/index.js';

@ObjectType({ description: 'What a tenant uses of its plan.' })
export class TenantUsage {
  @Field(() => Int, { description: 'Those that were not deleted.' })
  agents!: number;

  @Field(() => Float, { description: 'Entries taken in, on average over the last minute.' })
  entriesPerSecond!: number;

  @Field(() => Int)
  alertRules!: number;

  @Field(() => GraphQLDuration, { description: 'The longest that any raw entry is kept.' })
  keepLogs!: number;
}
