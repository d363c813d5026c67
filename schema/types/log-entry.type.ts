import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { GraphQLDateTime, GraphQLSafeInt } from '../scalars/index.js';
import { connectionOf } from './page.type.js';

@ObjectType({ description: 'One request, as logged.' })
export class LogEntry {
  @Field(() => ID)
  id!: string;

  @Field(() => GraphQLDateTime)
  time!: Date;

  @Field(() => String)
  host!: string;

  @Field(() => String, { nullable: true })
  user!: string | null;

  @Field(() => String)
  method!: string;

  @Field(() => String, { description: 'Without query and fragment.' })
  path!: string;

  @Field(() => String, { nullable: true })
  query!: string | null;

  @Field(() => String)
  section!: string;

  @Field(() => String, { nullable: true })
  protocol!: string | null;

  @Field(() => Int, { description: '0 where the line has none.' })
  status!: number;

  @Field(() => GraphQLSafeInt)
  bytes!: number;

  @Field(() => Float, { nullable: true, description: 'Response time, milliseconds.' })
  durationMs!: number | null;

  @Field(() => String, { nullable: true })
  referrer!: string | null;

  @Field(() => String, { nullable: true })
  userAgent!: string | null;
}

@ObjectType()
export class LogEntryConnection extends connectionOf('LogEntry', () => LogEntry) {}
