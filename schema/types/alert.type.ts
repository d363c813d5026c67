import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { AlertEventType, AlertMetric, Comparison, Severity } from '../enums/index.js';
import { GraphQLDateTime, GraphQLDuration, GraphQLSafeInt } from '../scalars/index.js';
import { connectionOf } from './page.type.js';
import { LogFilter } from './retention.type.js';
import { Timeframe } from './traffic.type.js';

@ObjectType({
  description:
    'Fires when the metric over the sliding window (t − window, t] crosses the threshold at an event second t.',
})
export class AlertRule {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => Boolean)
  enabled!: boolean;

  @Field(() => [ID], { description: 'The agents it watches, each on its own; all of them where empty.' })
  agentIds!: string[];

  @Field(() => AlertMetric)
  metric!: AlertMetric;

  @Field(() => LogFilter, {
    nullable: true,
    description:
      'Which entries count; all where null. Of the time before the rule was made it knows the entries still kept, as does one over response times.',
  })
  filter!: LogFilter | null;

  @Field(() => GraphQLDuration)
  window!: number;

  @Field(() => Comparison)
  comparison!: Comparison;

  @Field(() => Float)
  threshold!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Recovers when the metric is back across this; the threshold where null.',
  })
  recoveryThreshold!: number | null;

  @Field(() => GraphQLSafeInt, {
    description:
      'Fires only where the window has at least so many hits that the filter admits, and recovers where it has fewer. Hits without a response time are hits.',
  })
  minHits!: number;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description:
      'Also fires when the agent has sent no batch for so long (wall clock); never where null, nor once it has ended.',
  })
  noDataAfter!: number | null;

  @Field(() => Severity)
  severity!: Severity;

  @Field(() => [ID])
  channelIds!: string[];

  @Field(() => Boolean, {
    description: 'While it flaps over an agent, its channels are told once that it does, and once that it has settled.',
  })
  flapDetection!: boolean;

  @Field(() => GraphQLDuration, {
    nullable: true,
    description:
      'An alert that still fires, and that nobody has acknowledged, is told again on its channels after so long (wall clock); never where null.',
  })
  remindEvery!: number | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'Notifications are held back until then; events are recorded all the same.',
  })
  silencedUntil!: Date | null;
}

@ObjectType()
export class AlertEvent {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'For subscriptions and pages: events after this one.' })
  cursor!: string;

  @Field(() => String)
  ruleName!: string;

  @Field(() => String)
  agentName!: string;

  @Field(() => AlertEventType)
  type!: AlertEventType;

  @Field(() => GraphQLDateTime, { description: 'The event second at which the rule fired or recovered.' })
  at!: Date;

  @Field(() => GraphQLDateTime, { description: 'Wall clock.' })
  recordedAt!: Date;

  @Field(() => Float, {
    description: "In the metric's unit. Of a recovery because no hit has a response time any more: 0.",
  })
  value!: number;

  @Field(() => Float)
  threshold!: number;

  @Field(() => Severity)
  severity!: Severity;

  @Field(() => String, {
    description: "'High traffic generated an alert - hits = {value}, triggered at {time}' for the default rule.",
  })
  message!: string;

  @Field(() => GraphQLDateTime, { nullable: true })
  acknowledgedAt!: Date | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description:
      'Where the rule flaps over the agent: the event second at which it has settled, unless it fires or recovers again before. It flaps once it has done so six times within 15 minutes, until it has done neither for as long; its notifications are held meanwhile.',
  })
  flappingUntil!: Date | null;
}

@ObjectType()
export class AlertEventConnection extends connectionOf('AlertEvent', () => AlertEvent) {}

@ObjectType()
export class PreviewedAlert {
  @Field(() => AlertEventType)
  type!: AlertEventType;

  @Field(() => GraphQLDateTime)
  at!: Date;

  @Field(() => Float)
  value!: number;
}

@ObjectType()
export class AlertPreview {
  @Field(() => Timeframe, {
    description:
      'The part of the timeframe that is known: seconds of which windows of 10 seconds are kept; rules with a filter, or over response times, see only entries still kept.',
  })
  covered!: Timeframe;

  @Field(() => Int)
  triggered!: number;

  @Field(() => GraphQLDuration, { description: 'Total time firing.' })
  firing!: number;

  @Field(() => [PreviewedAlert], { description: 'In order; the first 1,000.' })
  events!: PreviewedAlert[];
}
