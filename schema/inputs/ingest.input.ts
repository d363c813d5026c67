import { Field, Float, ID, InputType, Int } from 'type-graphql';
import { GraphQLDateTime, GraphQLLogBatch, GraphQLSafeInt, type ReceivedBatch } from '../scalars/index.js';

@InputType()
export class DigestInput {
  @Field(() => Int)
  length!: number;

  @Field(() => String)
  sha256!: string;
}

@InputType()
export class ConnectAgentInput {
  @Field(() => String)
  name!: string;

  @Field(() => String, { nullable: true })
  hostname?: string | null;

  @Field(() => String, { nullable: true })
  version?: string | null;
}

@InputType()
export class OpenStreamInput {
  @Field(() => String)
  agent!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The checkpoint that the agent found again; a new stream where null.',
  })
  streamId?: string | null;

  @Field(() => String)
  name!: string;

  @Field(() => DigestInput, { nullable: true })
  head?: DigestInput | null;

  @Field(() => GraphQLSafeInt, { defaultValue: 0, description: "A new stream's first position." })
  startAt!: number;
}

@InputType()
export class StreamHeartbeatInput {
  @Field(() => ID)
  streamId!: string;

  @Field(() => Int)
  epoch!: number;

  @Field(() => GraphQLSafeInt, { description: 'Bytes of complete lines not yet acknowledged; 0: caught up.' })
  backlogBytes!: number;

  @Field(() => Boolean, { defaultValue: false, description: 'An old file, taken in beside live ones.' })
  catchingUp!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'The source is gone and wholly acknowledged.' })
  closed!: boolean;
}

@InputType()
export class HeartbeatInput {
  @Field(() => String)
  agent!: string;

  @Field(() => GraphQLDateTime)
  sentAt!: Date;

  @Field(() => [StreamHeartbeatInput], { defaultValue: [] })
  streams!: StreamHeartbeatInput[];

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'The sources have ended, and nothing more will come: by --once and at the end of standard input, never on a signal.',
  })
  ending!: boolean;
}

@InputType()
export class StreamPositionInput {
  @Field(() => String, {
    description:
      'From openStream; or, for a simple script, any name of its own for the source: it begins at the from of its first batch.',
  })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'From openStream; without it nothing is fenced.' })
  epoch?: number | null;

  @Field(() => DigestInput, { nullable: true, description: 'Hash of the last bytes before to.' })
  tail?: DigestInput | null;

  @Field(() => GraphQLSafeInt, { description: 'The batch covers positions [from, to).' })
  from!: number;

  @Field(() => GraphQLSafeInt)
  to!: number;
}

@InputType()
export class LogEntryInput {
  @Field(() => GraphQLDateTime)
  time!: Date;

  @Field(() => String)
  host!: string;

  @Field(() => String, { nullable: true })
  user?: string | null;

  @Field(() => String)
  method!: string;

  @Field(() => String, { description: 'As requested: query, scheme and host are split off by the server.' })
  path!: string;

  @Field(() => String, { nullable: true })
  protocol?: string | null;

  @Field(() => Int, { description: '0 where there is none.' })
  status!: number;

  @Field(() => GraphQLSafeInt, { nullable: true })
  bytes?: number | null;

  @Field(() => Float, { nullable: true, description: 'Response time, milliseconds.' })
  durationMs?: number | null;

  @Field(() => String, { nullable: true })
  referrer?: string | null;

  @Field(() => String, { nullable: true })
  userAgent?: string | null;
}

@InputType()
export class RejectionInput {
  @Field(() => GraphQLSafeInt, { nullable: true })
  position?: number | null;

  @Field(() => String)
  reason!: string;

  @Field(() => String)
  sample!: string;
}

@InputType()
export class IngestLogsInput {
  @Field(() => String, { description: "The agent's name." })
  agent!: string;

  @Field(() => StreamPositionInput, {
    nullable: true,
    description: 'With it, the batch is appended exactly once; without, on every call (to the stream `direct`).',
  })
  stream?: StreamPositionInput | null;

  @Field(() => [LogEntryInput], { nullable: true, description: 'Either entries or batch.' })
  entries?: LogEntryInput[] | null;

  @Field(() => GraphQLLogBatch, { nullable: true })
  batch?: ReceivedBatch | null;

  @Field(() => Int, { defaultValue: 0, description: 'Lines between from and to that could not be parsed.' })
  malformed!: number;

  @Field(() => Int, { defaultValue: 0, description: "Headers, blank lines, lines left out by the agent's filters." })
  skipped!: number;

  @Field(() => [RejectionInput], { nullable: true, description: 'Some of them, at most 20.' })
  rejections?: RejectionInput[] | null;
}
