import { Arg, Authorized, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Resolution } from '../../../schema/enums/index.js';
import { RetentionInput } from '../../../schema/inputs/retention.input.js';
import { GraphQLDateTime, GraphQLSafeInt } from '../../../schema/scalars/index.js';
import { Agent } from '../../../schema/types/agent.type.js';
import {
  Retention,
  RetentionPolicy,
  StoredLogs,
  StoredWindows,
  type WindowRetention,
} from '../../../schema/types/retention.type.js';
import type { LogRetention } from '../../core/retention/layout.js';
import type { RetentionReport, RetentionSettings } from '../../retention/index.js';
import { MANAGERS, READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { RESOLUTION_SECONDS, resolutionName } from '../traffic/frame.js';

/** Settings, and a report that is made once, when one of its fields is asked for. */
type RetentionSource = Pick<Retention, 'policies' | 'defaultLogs' | 'windows'> & {
  report: () => Promise<RetentionReport>;
};

@Resolver(() => Retention)
export class RetentionResolver {
  @Authorized(READERS)
  @Query(() => Retention)
  async retention(@Ctx() context: Context): Promise<RetentionSource> {
    return sourceOf(context, await context.services.retention.read(caller(context).tenantId));
  }

  @Authorized(MANAGERS)
  @Mutation(() => Retention, {
    description: 'In force at once for what comes; what is stored follows (see pendingChunks).',
  })
  async setRetention(
    @Ctx() context: Context,
    @Arg('input', () => RetentionInput) input: RetentionInput,
  ): Promise<RetentionSource> {
    const { policies, defaultLogs, windows } = input;
    const settings = await context.services.retention.set(caller(context).tenantId, {
      ...(policies
        ? {
            policies: policies.map(({ keepLogs, ...policy }) => ({
              ...policy,
              filter: { ...policy.filter },
              keepSeconds: keepLogs,
            })),
          }
        : {}),
      ...(defaultLogs == null ? {} : { defaultSeconds: defaultLogs }),
      ...(windows
        ? {
            windows: windows.map(({ resolution, ...keep }) => ({
              resolution: RESOLUTION_SECONDS[resolution],
              ...keep,
            })),
          }
        : {}),
    });
    return sourceOf(context, settings);
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLSafeInt)
  async pendingChunks(@Root() source: RetentionSource): Promise<number> {
    return (await source.report()).pendingChunks;
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLDateTime, { nullable: true })
  async nextPurgeAt(@Root() source: RetentionSource): Promise<Date | null> {
    return (await source.report()).nextPurgeAt;
  }

  @Authorized(READERS)
  @FieldResolver(() => [StoredLogs])
  async logs(@Root() { report, policies }: RetentionSource): Promise<StoredLogs[]> {
    return (await report()).logs.map(({ keepSeconds, ...stored }) => ({
      ...stored,
      keepLogs: keepSeconds,
      policies: policies.filter(({ keepLogs }) => keepLogs === keepSeconds),
    }));
  }

  @Authorized(READERS)
  @FieldResolver(() => [StoredWindows])
  async windowsStored(@Root() { report }: RetentionSource): Promise<StoredWindows[]> {
    return (await report()).windows.map(({ resolution, ...stored }) => ({
      ...stored,
      resolution: resolutionName(resolution),
    }));
  }
}

@Resolver(() => Agent)
export class AgentRetentionResolver {
  @Authorized(READERS)
  @FieldResolver(() => [RetentionPolicy], {
    description: 'Those that apply to its raw entries, in order; what none matches is kept for the default.',
  })
  async retentionPolicies(@Root() agent: Agent, @Ctx() context: Context): Promise<RetentionPolicy[]> {
    const settings = await context.services.retention.read(caller(context).tenantId);
    return policiesOf(settings).filter(({ agentIds }) => agentIds.length === 0 || agentIds.includes(agent.id));
  }
}

function policiesOf({ policies }: LogRetention): RetentionPolicy[] {
  return policies.map(({ keepSeconds, agentIds, ...policy }) => ({
    ...policy,
    agentIds: [...agentIds],
    keepLogs: keepSeconds,
  }));
}

function sourceOf(context: Context, settings: RetentionSettings): RetentionSource {
  let report: Promise<RetentionReport> | undefined;
  const windows: WindowRetention[] = Object.entries(RESOLUTION_SECONDS).map(([name, seconds]) => ({
    resolution: name as Resolution,
    keep: settings.windows[seconds]?.keep ?? null,
    keepBreakdowns: settings.windows[seconds]?.keepBreakdowns ?? null,
  }));
  return {
    policies: policiesOf(settings),
    defaultLogs: settings.defaultSeconds,
    windows,
    report: () => (report ??= context.services.retention.report(caller(context).tenantId)),
  };
}
