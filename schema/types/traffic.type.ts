import { Field, Float, ObjectType } from 'type-graphql';
import { Resolution } from '../enums/index.js';
import { GraphQLDateTime, GraphQLDuration, GraphQLSafeInt } from '../scalars/index.js';

@ObjectType()
export class StatusCounts {
  @Field(() => GraphQLSafeInt)
  informational!: number;

  @Field(() => GraphQLSafeInt)
  success!: number;

  @Field(() => GraphQLSafeInt)
  redirection!: number;

  @Field(() => GraphQLSafeInt)
  clientError!: number;

  @Field(() => GraphQLSafeInt)
  serverError!: number;

  @Field(() => GraphQLSafeInt, { description: 'No status, or one outside 100 to 599.' })
  other!: number;
}

@ObjectType({ description: 'One key of a dimension and what it counts.' })
export class TopEntry {
  @Field(() => String)
  key!: string;

  @Field(() => GraphQLSafeInt)
  hits!: number;

  @Field(() => GraphQLSafeInt)
  bytes!: number;

  @Field(() => GraphQLSafeInt)
  clientErrors!: number;

  @Field(() => GraphQLSafeInt)
  serverErrors!: number;

  @Field(() => GraphQLSafeInt, { description: 'The hits may be too high by at most this; 0 where exact.' })
  maxError!: number;
}

@ObjectType({ description: 'Half-open span of event time, [from, to).' })
export class Timeframe {
  @Field(() => GraphQLDateTime)
  from!: Date;

  @Field(() => GraphQLDateTime)
  to!: Date;
}

@ObjectType({ description: 'Nearest rank, within 1 % (DDSketch); the maximum exact.' })
export class Percentiles {
  @Field(() => Float)
  p50!: number;

  @Field(() => Float)
  p90!: number;

  @Field(() => Float)
  p95!: number;

  @Field(() => Float)
  p99!: number;

  @Field(() => Float)
  max!: number;
}

@ObjectType({
  description:
    'The windows that tops, distinct hosts and percentiles are of: wider than the timeframe where those of finer windows are no longer kept.',
})
export class BreakdownSource {
  @Field(() => Timeframe)
  timeframe!: Timeframe;

  @Field(() => Resolution, { description: 'The finest whose breakdowns are still kept over the whole span.' })
  resolution!: Resolution;
}

@ObjectType({ description: 'What the entries of a span add up to.' })
export class TrafficStats {
  @Field(() => GraphQLSafeInt)
  hits!: number;

  @Field(() => Float, { description: 'Hits by the seconds of the window that lie in the timeframe.' })
  hitsPerSecond!: number;

  @Field(() => GraphQLSafeInt, { description: 'Response bytes.' })
  bytes!: number;

  @Field(() => StatusCounts, { description: 'Hits by status class.' })
  status!: StatusCounts;

  @Field(() => Float, { description: 'Share of 4xx and 5xx among the hits, 0 to 1; 0 where there are none.' })
  errorRate!: number;

  @Field(() => GraphQLSafeInt, { description: 'The greatest hits of one second of one agent.' })
  peakHitsPerSecond!: number;

  @Field(() => BreakdownSource, { description: 'What top, distinctHosts, duration and size are of.' })
  breakdowns!: BreakdownSource;
}

@ObjectType({ description: 'One tumbling window [start, end), aligned to the epoch.' })
export class TrafficWindow {
  @Field(() => GraphQLDateTime)
  start!: Date;

  @Field(() => GraphQLDateTime)
  end!: Date;

  @Field(() => GraphQLDuration, { description: 'Its width.' })
  step!: number;

  @Field(() => Resolution, { description: 'The resolution that it was read at.' })
  resolution!: Resolution;

  @Field(() => GraphQLSafeInt, {
    description:
      "Grows with every change, by late entries and deletion too; never goes back. Of several agents the sum of theirs; of a window without a row that of the agent's last deletion, 0 if none.",
  })
  revision!: number;

  @Field(() => Boolean, { description: 'The watermark has passed its end.' })
  complete!: boolean;

  @Field(() => TrafficStats)
  stats!: TrafficStats;
}

@ObjectType({ description: 'Stored statistics of a timeframe.' })
export class Traffic {}
