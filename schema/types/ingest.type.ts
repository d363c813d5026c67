import { Field, ID, Int, ObjectType } from 'type-graphql';
import { IngestOutcome } from '../enums/index.js';
import { GraphQLDateTime, GraphQLSafeInt } from '../scalars/index.js';

@ObjectType({ description: "Hash of a stretch of a file's bytes." })
export class Digest {
  @Field(() => Int)
  length!: number;

  @Field(() => String, { description: 'Hexadecimal.' })
  sha256!: string;
}

@ObjectType({ description: 'Where a stream stands, with proof of which file it is.' })
export class StreamCheckpoint {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => GraphQLSafeInt)
  position!: number;

  @Field(() => Digest, { nullable: true, description: "Hash of the file's first bytes." })
  head!: Digest | null;

  @Field(() => Digest, { nullable: true, description: 'Hash of the bytes that end at the position.' })
  tail!: Digest | null;
}

@ObjectType()
export class IngestLimits {
  @Field(() => Int, { description: 'Entries of a batch at most.' })
  batchEntries!: number;

  @Field(() => Int, { description: 'Bytes of a batch as JSON at most.' })
  batchBytes!: number;

  @Field(() => Int, { description: 'Batches of a stream sent before the first is acknowledged.' })
  batchesInFlight!: number;
}

@ObjectType()
export class ConnectAgentPayload {
  @Field(() => [StreamCheckpoint], {
    description: 'All that are not closed, and those closed within a year; the latest first.',
  })
  streams!: StreamCheckpoint[];

  @Field(() => GraphQLDateTime)
  serverTime!: Date;

  @Field(() => ID, { description: 'Changes when the database was restored: connect again.' })
  incarnation!: string;

  @Field(() => IngestLimits)
  limits!: IngestLimits;
}

@ObjectType()
export class OpenStreamPayload {
  @Field(() => ID)
  streamId!: string;

  @Field(() => Int)
  epoch!: number;

  @Field(() => GraphQLSafeInt)
  position!: number;
}

@ObjectType()
export class HeartbeatPayload {
  @Field(() => GraphQLDateTime)
  serverTime!: Date;

  @Field(() => ID)
  incarnation!: string;

  @Field(() => [ID], { description: 'Streams that another process has claimed since.' })
  fencedStreamIds!: string[];
}

@ObjectType()
export class IngestLogsPayload {
  @Field(() => IngestOutcome)
  outcome!: IngestOutcome;

  @Field(() => Int)
  accepted!: number;

  @Field(() => Int)
  late!: number;

  @Field(() => Int)
  malformed!: number;

  @Field(() => Int)
  quarantined!: number;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The position from which the server expects the stream to go on.',
  })
  position!: number | null;
}
