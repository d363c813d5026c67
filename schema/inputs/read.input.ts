import { Field, InputType, Int } from 'type-graphql';
import { GraphQLDateTime, GraphQLDuration } from '../scalars/index.js';

@InputType({
  description:
    'Half-open span of event time: from, and to (now where null); or last, ending at to (now where null). Anything else is BAD_USER_INPUT.',
})
export class TimeframeInput {
  @Field(() => GraphQLDateTime, { nullable: true })
  from?: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true })
  to?: Date | null;

  @Field(() => GraphQLDuration, { nullable: true })
  last?: number | null;
}

@InputType({ description: 'Every condition given must hold.' })
export class LogFilterInput {
  @Field(() => Int, { nullable: true })
  statusMin?: number | null;

  @Field(() => Int, { nullable: true })
  statusMax?: number | null;

  @Field(() => String, { nullable: true })
  method?: string | null;

  @Field(() => String, { nullable: true, description: 'The path exactly, query string aside.' })
  path?: string | null;

  @Field(() => String, { nullable: true })
  section?: string | null;

  @Field(() => String, { nullable: true })
  host?: string | null;

  @Field(() => String, { nullable: true, description: 'Anywhere in the path, without regard to case.' })
  search?: string | null;
}
