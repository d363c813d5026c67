import { Field, ID, InputType } from 'type-graphql';
import { Resolution } from '../enums/index.js';
import { GraphQLDuration } from '../scalars/index.js';
import { LogFilterInput } from './read.input.js';

@InputType()
export class RetentionPolicyInput {
  @Field(() => String)
  name!: string;

  @Field(() => LogFilterInput)
  filter!: LogFilterInput;

  @Field(() => [ID], {
    defaultValue: [],
    description: 'All agents where empty. One that was deleted may stay named, but not be named anew (NOT_FOUND).',
  })
  agentIds!: string[];

  @Field(() => GraphQLDuration, { description: 'A minute to 400 days.' })
  keepLogs!: number;
}

@InputType({ description: 'A field that is absent stays as it is; null lifts it: for ever.' })
export class WindowRetentionInput {
  @Field(() => Resolution)
  resolution!: Resolution;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description: 'Null: for ever. Two days or more, and as long as finer ones, or longer.',
  })
  keep?: number | null;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description:
      "Of tops, distinct hosts and percentiles, counted back from an agent's newest entry. Null: as long as the windows. An hour or more, not longer than the windows. At first 2 days of 10-second windows, 14 of minutes.",
  })
  keepBreakdowns?: number | null;
}

@InputType({ description: 'What is absent or null stays as it is.' })
export class RetentionInput {
  @Field(() => [RetentionPolicyInput], { nullable: true, description: 'In the place of all that there are.' })
  policies?: RetentionPolicyInput[] | null;

  @Field(() => GraphQLDuration, { nullable: true })
  defaultLogs?: number | null;

  @Field(() => [WindowRetentionInput], { nullable: true, description: 'Resolutions not named stay as they are.' })
  windows?: WindowRetentionInput[] | null;
}
