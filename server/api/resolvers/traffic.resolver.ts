import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Authorized, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { Dimension, Resolution } from '../../../schema/enums/index.js';
import { TimeframeInput } from '../../../schema/inputs/read.input.js';
import { GraphQLDuration, GraphQLSafeInt } from '../../../schema/scalars/index.js';
import {
  Percentiles,
  Timeframe,
  TopEntry,
  Traffic,
  TrafficStats,
  TrafficWindow,
} from '../../../schema/types/traffic.type.js';
import { type DDSketch, percentile } from '../../core/sketches/dd-sketch.js';
import { distinctHosts } from '../../core/sketches/host-set.js';
import { heaviest } from '../../core/sketches/tops.js';
import { windowStarts } from '../../core/windows/series.js';
import { badInput, notFound } from '../../errors.js';
import { readAgents } from '../../store/sql/agents.sql.js';
import { commonFloors, emptyRevision, type TrafficScope } from '../../store/traffic/ranges.js';
import { READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { readSnapshot, requestNow, trafficLoader } from '../request.js';
import { isAsked, partsAsked } from '../selection.js';
import { type Stats, statsOf, windowOf } from '../stats.js';
import { spanOf } from '../timeframe.js';
import { resolutionName } from '../traffic/frame.js';
import type { TrafficKey } from '../traffic/loader.js';

const TOP_MAX = 1_000;

/** The statistics of these agents (null: all) over a timeframe: read when, and as far as, they are asked for. */
export async function trafficOf(
  context: Context,
  timeframe: TimeframeInput,
  agentIds: readonly string[] | null,
): Promise<TrafficKey> {
  return { span: await spanOf(timeframe, { now: () => requestNow(context) }), agentIds };
}

/** The tenant's agents of these ids; null: all. @throws ApiError NOT_FOUND where one is not. */
export async function knownAgents(
  context: Context,
  agentIds: readonly string[] | null | undefined,
): Promise<string[] | null> {
  if (agentIds == null) return null;
  const { tenantId } = caller(context);
  const rows = await readSnapshot(context, ({ sql }) => readAgents(sql, tenantId, agentIds));
  if (rows.length < new Set(agentIds).size) throw notFound('Agent');
  return rows.map((row) => row.id);
}

@Resolver(() => Traffic)
export class TrafficResolver {
  @Authorized(READERS)
  @Query(() => Traffic, {
    nullable: true,
    description: "Stored statistics of a timeframe, merged over the agents (all of the tenant's where none is named).",
  })
  async traffic(
    @Ctx() context: Context,
    @Arg('timeframe', () => TimeframeInput) timeframe: TimeframeInput,
    @Arg('agentIds', () => [ID], { nullable: true }) agentIds: string[] | null,
  ): Promise<TrafficKey> {
    return trafficOf(context, timeframe, await knownAgents(context, agentIds));
  }

  @Authorized(READERS)
  @FieldResolver(() => Timeframe, {
    description: 'The span covered, aligned outwards to 10 seconds, or to `resolution` where that is coarser.',
  })
  async timeframe(@Root() key: TrafficKey, @Ctx() context: Context): Promise<Timeframe> {
    const { frame } = await trafficLoader(context).load({ ...key, wish: { kind: 'frame' } });
    return { from: new Date(frame.span.fromMs), to: new Date(frame.span.toMs) };
  }

  @Authorized(READERS)
  @FieldResolver(() => Resolution, { description: 'The finest still kept over the whole span.' })
  async resolution(@Root() key: TrafficKey, @Ctx() context: Context): Promise<Resolution> {
    const { frame } = await trafficLoader(context).load({ ...key, wish: { kind: 'frame' } });
    return resolutionName(frame.resolution);
  }

  @Authorized(READERS)
  @FieldResolver(() => TrafficStats, { description: 'The whole span as one.' })
  async total(@Root() key: TrafficKey, @Ctx() context: Context, @Info() info: GraphQLResolveInfo): Promise<Stats> {
    const wish = { kind: 'total' as const, parts: partsAsked(info) };
    const { frame, scope, total } = await trafficLoader(context).load({ ...key, wish });
    const breakdownFloors = commonFloors(scope, 'breakdownFloors');
    return statsOf(total.totals, total.breakdown, { span: frame.span, breakdownFloors });
  }

  @Authorized(READERS)
  @FieldResolver(() => [TrafficWindow], {
    description:
      'The series, oldest first, empty windows included: windows of the least step with step × maxPoints >= the span (10, 30 s; 1, 5, 15, 30 min; 1, 3, 6, 12 h; whole days), so at most maxPoints and one more where both edges are cut, unless step or resolution is named. Windows at the edges count only what lies in the span, so that the series sums to the total.',
  })
  async windows(
    @Root() key: TrafficKey,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
    @Arg('maxPoints', () => Int, { defaultValue: 120 }) maxPoints: number,
    @Arg('step', () => GraphQLDuration, { nullable: true }) step: number | null,
    @Arg('resolution', () => Resolution, { nullable: true }) resolution: Resolution | null,
  ): Promise<TrafficWindow[]> {
    const asked = { maxPoints, step: step ?? null, resolution: resolution ?? null };
    const wish = { kind: 'series' as const, asked, parts: partsAsked(info), revisions: isAsked(info, 'revision') };
    const { frame, scope, shape, buckets } = await trafficLoader(context).load({ ...key, wish });
    const series = {
      span: frame.span,
      ...shape!,
      watermarkMs: watermarkOf(scope),
      emptyRevision: emptyRevision(scope),
      breakdownFloors: commonFloors(scope, 'breakdownFloors'),
    };
    const starts = windowStarts(frame.span.fromMs, frame.span.toMs, shape!.stepMs);
    return starts.map((startMs) => windowOf(startMs, buckets.get(startMs), series));
  }
}

/** The least of the agents': a window is complete when it is so for all of them. */
function watermarkOf({ agents }: TrafficScope): number | null {
  const marks = agents.flatMap(({ watermarkMs }) => watermarkMs ?? []);
  return marks.length === 0 ? null : Math.min(...marks);
}

@Resolver(() => TrafficStats)
export class TrafficStatsResolver {
  @Authorized(READERS)
  @FieldResolver(() => [TopEntry], { description: 'The heaviest keys of a dimension, by hits; ties by key.' })
  top(
    @Root() { breakdown }: Stats,
    @Arg('dimension', () => Dimension) dimension: Dimension,
    @Arg('first', () => Int, { defaultValue: 10 }) first: number,
  ): TopEntry[] {
    if (first < 1 || first > TOP_MAX) throw badInput(`first is ${first}; expected 1 to ${TOP_MAX}.`);
    return breakdown === null ? [] : heaviest(breakdown.tops[dimension], first);
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLSafeInt, {
    description: 'Distinct client hosts: exact up to 256, beyond estimated within about 2 % (HyperLogLog).',
  })
  distinctHosts(@Root() { breakdown }: Stats): number {
    return breakdown === null ? 0 : distinctHosts(breakdown.hosts);
  }

  @Authorized(READERS)
  @FieldResolver(() => Percentiles, {
    nullable: true,
    description: 'Response time in milliseconds, within 1 %; null where the log format has none.',
  })
  duration(@Root() { breakdown }: Stats): Percentiles | null {
    return breakdown && percentilesOf(breakdown.duration);
  }

  @Authorized(READERS)
  @FieldResolver(() => Percentiles, {
    nullable: true,
    description: 'Response size in bytes, within 1 %; null where there are no hits.',
  })
  size(@Root() { breakdown }: Stats): Percentiles | null {
    return breakdown && percentilesOf(breakdown.size);
  }
}

function percentilesOf(sketch: DDSketch): Percentiles | null {
  if (sketch.count === 0) return null;
  const [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map((q) => percentile(sketch, q)!);
  return { p50, p90, p95, p99, max: sketch.max };
}
