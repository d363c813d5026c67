import { Field, ObjectType } from 'type-graphql';
import { GraphQLSafeInt } from '../scalars/index.js';
import { Timeframe } from './traffic.type.js';

@ObjectType({ description: 'What went, or, of a dry run, would go.' })
export class DeleteTrafficPayload {
  @Field(() => [Timeframe], { description: 'In order, those that touch or overlap as one.' })
  timeframes!: Timeframe[];

  @Field(() => GraphQLSafeInt, {
    description: 'Windows of 10 seconds deleted; of coarser ones where finer are no longer kept.',
  })
  windows!: number;

  @Field(() => GraphQLSafeInt)
  hits!: number;

  @Field(() => GraphQLSafeInt, { description: 'Raw entries deleted; 0 where they were not to go.' })
  logs!: number;
}
