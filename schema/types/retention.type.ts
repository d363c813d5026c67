import { Field, ID, Int, ObjectType } from 'type-graphql';
import { Resolution } from '../enums/index.js';
import { GraphQLDateTime, GraphQLDuration, GraphQLSafeInt } from '../scalars/index.js';

@ObjectType({ description: 'Every condition given must hold.' })
export class LogFilter {
  @Field(() => Int, { nullable: true })
  statusMin?: number | null;

  @Field(() => Int, { nullable: true })
  statusMax?: number | null;

  @Field(() => String, { nullable: true })
  method?: string | null;

  @Field(() => String, { nullable: true })
  path?: string | null;

  @Field(() => String, { nullable: true })
  section?: string | null;

  @Field(() => String, { nullable: true })
  host?: string | null;

  @Field(() => String, { nullable: true })
  search?: string | null;
}

@ObjectType({
  description: 'How long some raw entries are kept, from when they were taken in: no longer than the plan allows.',
})
export class RetentionPolicy {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => LogFilter)
  filter!: LogFilter;

  @Field(() => [ID], {
    description: 'All agents where empty. One that was deleted stays named: if it comes again, the policy holds again.',
  })
  agentIds!: string[];

  @Field(() => GraphQLDuration)
  keepLogs!: number;
}

@ObjectType()
export class WindowRetention {
  @Field(() => Resolution)
  resolution!: Resolution;

  @Field(() => GraphQLDuration, { nullable: true, description: 'For ever where null.' })
  keep!: number | null;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description:
      "How long their tops, distinct hosts and percentiles are kept, counted back from an agent's newest entry; as long as the windows where null. Afterwards these figures are of coarser windows.",
  })
  keepBreakdowns!: number | null;
}

@ObjectType({ description: 'Raw entries that are kept so long, as they are stored now.' })
export class StoredLogs {
  @Field(() => GraphQLDuration)
  keepLogs!: number;

  @Field(() => [RetentionPolicy], { description: 'Policies that say so; none: the default, or policies of before.' })
  policies!: RetentionPolicy[];

  @Field(() => GraphQLSafeInt, { description: 'Those that are kept just so long: each counts once, in one row.' })
  entries!: number;

  @Field(() => GraphQLSafeInt, {
    description:
      'On the disk, compressed. Of a batch some of which is kept longer, the row of the default has all until that expires, and the row of the longer keep its part besides.',
  })
  bytes!: number;

  @Field(() => GraphQLDateTime, { nullable: true })
  nextExpiryAt!: Date | null;
}

@ObjectType({ description: 'Windows as they are stored now: estimates where there are many.' })
export class StoredWindows {
  @Field(() => Resolution, { description: "A month's windows count with those of a day." })
  resolution!: Resolution;

  @Field(() => GraphQLSafeInt, {
    description:
      'Counted up to 8,192 windows of time of an agent; beyond, estimated from stretches spread over it, within a few per cent.',
  })
  rows!: number;

  @Field(() => GraphQLSafeInt, {
    description: 'An estimate from sizes of single rows: with their breakdowns, without indexes.',
  })
  bytes!: number;
}

@ObjectType()
export class Retention {
  @Field(() => [RetentionPolicy], { description: 'First match wins; what none matches is kept for the default.' })
  policies!: RetentionPolicy[];

  @Field(() => GraphQLDuration, { description: 'Of what no policy matches; no longer than the plan allows.' })
  defaultLogs!: number;

  @Field(() => [WindowRetention], { description: 'How long windows of each resolution are kept; for ever where null.' })
  windows!: WindowRetention[];

  @Field(() => GraphQLSafeInt, {
    description: 'Chunks of raw entries that are still stored by earlier policies: a job lays them out anew.',
  })
  pendingChunks!: number;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description:
      'When the next of its raw entries leave the disk, ten minutes later at most: they expire before, and are not shown from then on. Null: none are stored.',
  })
  nextPurgeAt!: Date | null;

  @Field(() => [StoredLogs])
  logs!: StoredLogs[];

  @Field(() => [StoredWindows])
  windowsStored!: StoredWindows[];
}
