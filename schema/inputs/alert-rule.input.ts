import { Field, Float, ID, InputType } from 'type-graphql';
import { AlertMetric, Comparison, Severity } from '../enums/index.js';
import { GraphQLDuration, GraphQLSafeInt } from '../scalars/index.js';
import { LogFilterInput } from './read.input.js';

@InputType()
export class AlertRuleInput {
  @Field(() => String)
  name!: string;

  @Field(() => Boolean, { defaultValue: true })
  enabled!: boolean;

  @Field(() => [ID], { defaultValue: [] })
  agentIds!: string[];

  @Field(() => AlertMetric, { defaultValue: AlertMetric.HITS_PER_SECOND })
  metric!: AlertMetric;

  @Field(() => LogFilterInput, { nullable: true })
  filter?: LogFilterInput | null;

  // A default of an input field is in the API's own form: seconds are written as PT2M by the scalar.
  @Field(() => GraphQLDuration, { defaultValue: 120 })
  window!: number;

  @Field(() => Comparison, { defaultValue: Comparison.GREATER_THAN })
  comparison!: Comparison;

  @Field(() => Float)
  threshold!: number;

  @Field(() => Float, { nullable: true })
  recoveryThreshold?: number | null;

  @Field(() => GraphQLSafeInt, { defaultValue: 0 })
  minHits!: number;

  @Field(() => GraphQLDuration, { nullable: true, description: 'A minute or more.' })
  noDataAfter?: number | null;

  @Field(() => Severity, { defaultValue: Severity.WARNING })
  severity!: Severity;

  @Field(() => [ID], { defaultValue: [] })
  channelIds!: string[];

  @Field(() => Boolean, { defaultValue: true })
  flapDetection!: boolean;

  @Field(() => GraphQLDuration, { nullable: true, description: 'A minute or more.' })
  remindEvery?: number | null;
}

@InputType({ description: 'Null clears, absent leaves.' })
export class AlertRulePatch {
  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => Boolean, { nullable: true })
  enabled?: boolean | null;

  @Field(() => [ID], { nullable: true })
  agentIds?: string[] | null;

  @Field(() => AlertMetric, { nullable: true })
  metric?: AlertMetric | null;

  @Field(() => LogFilterInput, { nullable: true, description: 'Takes the place of the whole filter.' })
  filter?: LogFilterInput | null;

  @Field(() => GraphQLDuration, { nullable: true })
  window?: number | null;

  @Field(() => Comparison, { nullable: true })
  comparison?: Comparison | null;

  @Field(() => Float, { nullable: true })
  threshold?: number | null;

  @Field(() => Float, { nullable: true })
  recoveryThreshold?: number | null;

  @Field(() => [ID], { nullable: true })
  channelIds?: string[] | null;

  @Field(() => GraphQLSafeInt, { nullable: true })
  minHits?: number | null;

  @Field(() => GraphQLDuration, { nullable: true })
  noDataAfter?: number | null;

  @Field(() => Severity, { nullable: true })
  severity?: Severity | null;

  @Field(() => Boolean, { nullable: true })
  flapDetection?: boolean | null;

  @Field(() => GraphQLDuration, { nullable: true })
  remindEvery?: number | null;
}
