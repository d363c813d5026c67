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

  @Field(() => [ID], { defaultValue: [] })
  agentIds!: string[];

  @Field(() => GraphQLDuration, { description: 'A minute to 400 days.' })
  keepLogs!: number;
}

@InputType()
export class WindowRetentionInput {
  @Field(() => Resolution)
  resolution!: Resolution;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description: 'For ever where null; two days or more, and as long as finer ones, or longer.',
  })
  keep?: number | null;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description:
      "Of tops, distinct hosts and percentiles, counted back from an agent's newest entry: as long as the windows where null; an hour or more. At first 2 days of 10-second windows, 14 of minutes.",
  })
  keepBreakdowns?: number | null;
}

@InputType({ description: 'Absent leaves.' })
export class RetentionInput {
  @Field(() => [RetentionPolicyInput], { nullable: true, description: 'In the place of all that there are.' })
  policies?: RetentionPolicyInput[] | null;

  @Field(() => GraphQLDuration, { nullable: true })
  defaultLogs?: number | null;

  @Field(() => [WindowRetentionInput], { nullable: true, description: 'Resolutions not named stay as they are.' })
  windows?: WindowRetentionInput[] | null;
}
