import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Authorized, Ctx, ID, Resolver, Root, type SubscribeResolverData, Subscription } from 'type-graphql';
import { LogFilterInput } from '../../../schema/inputs/read.input.js';
import { AlertEvent } from '../../../schema/types/alert.type.js';
import { LiveWindows, LogTail } from '../../../schema/types/live.type.js';
import type { AlertEventRow } from '../../alerts/index.js';
import { filterProblem } from '../../core/retention/filter.js';
import { NO_FLOORS } from '../../core/rollup/plan.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import { SLIDING_SECONDS } from '../../core/windows/sliding.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import { badInput } from '../../errors.js';
import type { AgentChange, TailMessage } from '../../live/index.js';
import { READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { partsAsked } from '../selection.js';
import { statsOf, windowOf } from '../stats.js';
import { alertEventOf, eventNumber } from './alert.resolver.js';
import { logEntryOf } from './log.resolver.js';
import { knownAgents } from './traffic.resolver.js';

type Subscribing<Args> = SubscribeResolverData<unknown, Args, Context> & { info: GraphQLResolveInfo };

/** Live windows and alerts. Translates GraphQL to the hub; holds no state and no SQL. */
@Resolver()
export class LiveResolver {
  @Authorized(READERS)
  @Subscription(() => [LiveWindows], {
    description: 'At once the state as it is, then, at most once a second, the agents whose windows changed.',
    subscribe: async ({ args, context, info }: Subscribing<{ agentIds?: string[] | null }>) =>
      context.services.live.windows({
        tenantId: caller(context).tenantId,
        agentIds: await knownAgents(context, args.agentIds),
        windowParts: partsAsked(info, 'windows'),
        slidingParts: partsAsked(info, 'sliding'),
      }),
  })
  liveWindows(
    @Root() changes: AgentChange[],
    @Ctx() context: Context,
    @Arg('agentIds', () => [ID], { nullable: true }) _agentIds: string[] | null,
  ): LiveWindows[] {
    for (const { agent } of changes) expectOwn(context, agent);
    return changes.map(liveWindowsOf);
  }

  @Authorized(READERS)
  @Subscription(() => AlertEvent, {
    description:
      'Events recorded after the cursor, then new ones as they come: none missed, none twice. Without a cursor only what comes.',
    subscribe: async ({
      args,
      context,
    }: Subscribing<{ agentIds?: string[] | null; ruleIds?: string[] | null; after?: string | null }>) =>
      context.services.live.alertEvents({
        tenantId: caller(context).tenantId,
        agentIds: await knownAgents(context, args.agentIds),
        ruleIds: args.ruleIds ?? null,
        after: args.after == null ? null : eventNumber(args.after),
      }),
  })
  alertEvents(
    @Root() event: AlertEventRow,
    @Ctx() context: Context,
    @Arg('agentIds', () => [ID], { nullable: true }) _agentIds: string[] | null,
    @Arg('ruleIds', () => [ID], { nullable: true }) _ruleIds: string[] | null,
    @Arg('after', () => String, { nullable: true }) _after: string | null,
  ): AlertEvent {
    expectOwn(context, event);
    return alertEventOf(event);
  }

  @Authorized(READERS)
  @Subscription(() => LogTail, {
    description:
      "Entries as they come in from now on, in groups, a few times a second at most; a slow client is told how many it missed. At first, and at once, none. All of the tenant's agents where none is named; what another server takes in in the first second may be missing.",
    subscribe: async ({
      args,
      context,
    }: Subscribing<{ agentIds?: string[] | null; filter?: LogFilterInput | null }>) => {
      const filter = args.filter ?? {};
      const problem = filterProblem(filter);
      if (problem !== null) throw badInput(`The filter's ${problem}.`);
      const named = args.agentIds?.length ? args.agentIds : null;
      const { tenantId } = caller(context);
      return context.services.tails.follow({ tenantId, agentIds: await knownAgents(context, named), filter });
    },
  })
  logTail(
    @Root() told: TailMessage,
    @Ctx() context: Context,
    @Arg('agentIds', () => [ID], { nullable: true }) _agentIds: string[] | null,
    @Arg('filter', () => LogFilterInput, { nullable: true }) _filter: LogFilterInput | null,
  ): LogTail {
    expectOwn(context, told);
    return { entries: told.entries.map(logEntryOf), missed: told.missed };
  }
}

/**
 * At each delivery, once more: what is told is the tenant's own.
 *
 * @throws where it is not, which would be a mistake of ours.
 */
function expectOwn(context: Context, { tenantId }: { tenantId: string }): void {
  if (tenantId !== caller(context).tenantId) throw new Error('a message is of another tenant than its subscriber');
}

function liveWindowsOf({ agent, windows, emptyRevision, stale, sliding }: AgentChange): LiveWindows {
  const watermarkMs = agent.watermark?.getTime() ?? null;
  const seriesAt = (fromMs: number) => ({
    span: { fromMs, toMs: fromMs + WINDOW_MS },
    stepMs: WINDOW_MS,
    resolution: RESOLUTIONS[0],
    watermarkMs,
    emptyRevision,
    breakdownFloors: NO_FLOORS,
  });
  const slidingSpan = {
    fromMs: (sliding.atSecond + 1 - SLIDING_SECONDS) * 1_000,
    toMs: (sliding.atSecond + 1) * 1_000,
  };
  return {
    agent,
    windows: windows.map(({ startMs, bucket }) => windowOf(startMs, bucket, seriesAt(startMs))),
    stale: stale && { from: new Date(stale.fromMs), to: new Date(stale.toMs) },
    sliding: {
      at: new Date(sliding.atSecond * 1_000),
      window: SLIDING_SECONDS,
      stats: statsOf(sliding.totals, sliding.breakdown, { span: slidingSpan, breakdownFloors: NO_FLOORS }),
    },
  };
}
