import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { AgentStatus } from '../enums/index.js';
import { GraphQLDateTime, GraphQLSafeInt } from '../scalars/index.js';
import { connectionOf } from './page.type.js';

@ObjectType({ description: 'Every line read is accepted, malformed or quarantined: lines = their sum, always.' })
export class Ledger {
  @Field(() => GraphQLSafeInt)
  lines!: number;

  @Field(() => GraphQLSafeInt)
  accepted!: number;

  @Field(() => GraphQLSafeInt, {
    description: "Lines that are no entry: not parsed by the agent, or refused by the server's checks.",
  })
  malformed!: number;

  @Field(() => GraphQLSafeInt, {
    description: 'Entries refused for their time: more than 10 minutes in the future, before 1990.',
  })
  quarantined!: number;

  @Field(() => GraphQLSafeInt, {
    description: "Headers, blank lines and what the agent's own filters leave out; not among the lines.",
  })
  skipped!: number;

  @Field(() => GraphQLSafeInt, {
    description:
      "Accepted entries that came when their stream's watermark had passed their window's end, and amended it.",
  })
  late!: number;
}

@ObjectType({ description: 'A line that was not counted.' })
export class Rejection {
  @Field(() => GraphQLSafeInt, { nullable: true, description: 'Where in the stream, bytes.' })
  position!: number | null;

  @Field(() => String)
  reason!: string;

  @Field(() => String, { description: 'The line, cut at 500 characters.' })
  sample!: string;
}

@ObjectType({ description: 'One ordered source of lines (a file, standard input) and how far it has been taken in.' })
export class Stream {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: "What the agent calls it: a file's path, or stdin." })
  name!: string;

  @Field(() => GraphQLSafeInt, { description: 'The next position that the server expects.' })
  position!: number;

  @Field(() => GraphQLDateTime, { nullable: true })
  closedAt!: Date | null;

  @Field(() => GraphQLSafeInt, { nullable: true, description: 'Bytes not yet acknowledged, as the agent last said.' })
  backlogBytes!: number | null;

  @Field(() => Ledger)
  ledger!: Ledger;

  @Field(() => GraphQLSafeInt, { description: 'Batches that came again and changed nothing.' })
  duplicateBatches!: number;

  @Field(() => [Rejection], { description: 'The latest lines not counted, each with its reason; 20 at most.' })
  rejections!: Rejection[];
}

@ObjectType({ description: 'A monitored server, as one agent reports it.' })
export class Agent {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'Unique within the tenant.' })
  name!: string;

  @Field(() => GraphQLDateTime)
  firstSeenAt!: Date;

  @Field(() => GraphQLDateTime, { description: 'Wall clock of the last batch, heartbeat or connection.' })
  lastSeenAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Event time of the oldest entry.' })
  firstEventAt!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Event time of the newest entry.' })
  lastEventAt!: Date | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description:
      "Event time up to which the agent's windows are complete: newest event − 2 minutes of allowed lateness.",
  })
  watermark!: Date | null;

  @Field(() => AgentStatus)
  status!: AgentStatus;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'Bytes of complete lines not yet acknowledged, as it last said.',
  })
  backlogBytes!: number | null;

  @Field(() => Float, { nullable: true, description: "Its clock less the server's, milliseconds." })
  clockSkewMs!: number | null;
}

@ObjectType()
export class AgentConnection extends connectionOf('Agent', () => Agent) {
  @Field(() => Int)
  totalCount!: number;
}
