import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Authorized, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { Dimension, Resolution } from '../../../schema/enums/index.js';
import { TimeframeInput } from '../../../schema/inputs/read.input.js';
import { GraphQLDuration, GraphQLSafeInt } from '../../../schema/scalars/index.js';
import { TopEntry, Traffic, TrafficStats, TrafficWindow } from '../../../schema/types/traffic.type.js';
import { alignOutwards, stepFor, windowStarts } from '../../core/windows/series.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import { heaviest } from '../../core/windows/window.js';
import { badInput, notFound } from '../../errors.js';
import { readAgents } from '../../store/sql/agents.sql.js';
import { emptyBucket, readBuckets } from '../../store/sql/traffic.sql.js';
import { READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { dimensionsAsked } from '../selection.js';
import { type Stats, statsOf, windowOf } from '../stats.js';
import { type Span, spanOf } from '../timeframe.js';

/** Points of one series: what a wide screen can show several times over. */
const POINTS_MAX = 10_000;
const TOP_MAX = 1_000;
const RESOLUTION_MS: Record<Resolution, number> = {
  SECONDS_10: 10_000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
};

/** A timeframe to read: total and series are read when they are asked for. */
export type TrafficSource = Omit<Traffic, 'total'> & { span: Span; agentIds: readonly string[] | null };

/** The statistics of these agents (null: all) over a timeframe. */
export async function trafficOf(
  context: Context,
  timeframe: TimeframeInput,
  agentIds: readonly string[] | null,
): Promise<TrafficSource> {
  const span = alignOutwards(await spanOf(timeframe, context.services.db));
  return {
    timeframe: { from: new Date(span.fromMs), to: new Date(span.toMs) },
    resolution: 'SECONDS_10',
    span,
    agentIds,
  };
}

/** The tenant's agents of these ids; null: all. @throws ApiError NOT_FOUND where one is not. */
export async function knownAgents(
  context: Context,
  agentIds: readonly string[] | null | undefined,
): Promise<string[] | null> {
  if (agentIds == null) return null;
  const { tenantId } = caller(context);
  const rows = await context.services.db.inTenants([tenantId], ({ sql }) => readAgents(sql, tenantId, agentIds));
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
  ): Promise<TrafficSource> {
    return trafficOf(context, timeframe, await knownAgents(context, agentIds));
  }

  @Authorized(READERS)
  @FieldResolver(() => TrafficStats, { description: 'The whole span as one.' })
  async total(
    @Root() { span, agentIds }: TrafficSource,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Stats> {
    const { tenantId } = caller(context);
    const dimensions = dimensionsAsked(info);
    const buckets = await context.services.db.inTenants(
      [tenantId],
      ({ sql }) => readBuckets(sql, { tenantId, agentIds, ...span, stepMs: Number.POSITIVE_INFINITY, dimensions }),
      { snapshot: true },
    );
    const { totals, tops } = buckets.get(span.fromMs) ?? emptyBucket(dimensions);
    return statsOf(totals, tops, (span.toMs - span.fromMs) / 1_000);
  }

  @Authorized(READERS)
  @FieldResolver(() => [TrafficWindow], {
    description:
      'The series, oldest first, empty windows included: windows of the least step with step × maxPoints >= the span (10, 30 s; 1, 5, 15, 30 min; 1, 3, 6, 12 h; whole days), so at most maxPoints and one more where both edges are cut, unless step or resolution is named. Windows at the edges count only what lies in the span, so that the series sums to the total.',
  })
  async windows(
    @Root() { span, agentIds }: TrafficSource,
    @Ctx() context: Context,
    @Info() info: GraphQLResolveInfo,
    @Arg('maxPoints', () => Int, { defaultValue: 120 }) maxPoints: number,
    @Arg('step', () => GraphQLDuration, { nullable: true }) step: number | null,
    @Arg('resolution', () => Resolution, { nullable: true }) resolution: Resolution | null,
  ): Promise<TrafficWindow[]> {
    const { tenantId } = caller(context);
    const stepMs = chosenStep(span, maxPoints, step, resolution);
    const dimensions = dimensionsAsked(info);
    return context.services.db.inTenants(
      [tenantId],
      async ({ sql }) => {
        const buckets = await readBuckets(sql, { tenantId, agentIds, ...span, stepMs, dimensions });
        const agents = await readAgents(sql, tenantId, agentIds);
        const marks = agents.flatMap(({ watermark }) => (watermark === null ? [] : [watermark.getTime()]));
        const watermarkMs = marks.length === 0 ? null : Math.min(...marks);
        const known = { ...span, watermarkMs, dimensions };
        return windowStarts(span.fromMs, span.toMs, stepMs).map((start) =>
          windowOf(start, stepMs, buckets.get(start), known),
        );
      },
      { snapshot: true },
    );
  }
}

function chosenStep(
  span: Span,
  maxPoints: number,
  step: number | null | undefined,
  resolution: Resolution | null | undefined,
): number {
  if (maxPoints < 1 || maxPoints > POINTS_MAX)
    throw badInput(`maxPoints is ${maxPoints}; expected 1 to ${POINTS_MAX}.`);
  const spanMs = span.toMs - span.fromMs;
  const stepMs =
    step != null ? step * 1_000 : resolution != null ? RESOLUTION_MS[resolution] : stepFor(spanMs, maxPoints);
  if (stepMs % WINDOW_MS !== 0) throw badInput('step must be a multiple of 10 seconds.');
  if (resolution != null && stepMs % RESOLUTION_MS[resolution] !== 0)
    throw badInput(`step must be a multiple of the resolution ${resolution}.`);
  if (spanMs / stepMs > POINTS_MAX)
    throw badInput(`The series would have ${Math.ceil(spanMs / stepMs)} points; at most ${POINTS_MAX}.`);
  return stepMs;
}

@Resolver(() => TrafficStats)
export class TrafficStatsResolver {
  @Authorized(READERS)
  @FieldResolver(() => [TopEntry], { description: 'The heaviest keys of a dimension, by hits; ties by key.' })
  top(
    @Root() stats: Stats,
    @Arg('dimension', () => Dimension) dimension: Dimension,
    @Arg('first', () => Int, { defaultValue: 10 }) first: number,
  ): TopEntry[] {
    if (first < 1 || first > TOP_MAX) throw badInput(`first is ${first}; expected 1 to ${TOP_MAX}.`);
    return heaviest(stats.tops[dimension] ?? new Map(), first).map((top) => ({ ...top, maxError: 0 }));
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLSafeInt, { description: 'Distinct client hosts; exact.' })
  distinctHosts(@Root() stats: Stats): number {
    return stats.tops.HOST?.size ?? 0;
  }
}
