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
import { auditOf } from '../../accounts/index.js';
import type { LogRetention } from '../../core/retention/layout.js';
import { logsStored, nextPurgeAt, type RetentionSettings, readSettings, windowsStored } from '../../retention/index.js';
import { countStale } from '../../store/sql/chunk.sql.js';
import { MANAGERS, READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { readOnce, readSnapshot } from '../request.js';
import { RESOLUTION_SECONDS, resolutionName } from '../traffic/frame.js';

/** Settings; what is stored is read field by field, where it is asked for. */
type RetentionSource = Pick<Retention, 'policies' | 'defaultLogs' | 'windows'> & { version: number };

@Resolver(() => Retention)
export class RetentionResolver {
  @Authorized(READERS)
  @Query(() => Retention)
  async retention(@Ctx() context: Context): Promise<RetentionSource> {
    return sourceOf(await readOnce(context, readSettings));
  }

  @Authorized(MANAGERS)
  @Mutation(() => Retention, {
    description:
      'In force at once for what comes; what is stored follows (see pendingChunks). What is longer than the plan allows is in force once it allows it.',
  })
  async setRetention(
    @Ctx() context: Context,
    @Arg('input', () => RetentionInput) input: RetentionInput,
  ): Promise<RetentionSource> {
    const { policies, defaultLogs, windows } = input;
    const settings = await context.services.retention.set(
      caller(context).tenantId,
      {
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
      },
      auditOf(caller(context)),
    );
    return sourceOf(settings);
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLSafeInt)
  pendingChunks(@Root() { version }: RetentionSource, @Ctx() context: Context): Promise<number> {
    return readSnapshot(context, ({ sql }) => countStale(sql, caller(context).tenantId, version));
  }

  @Authorized(READERS)
  @FieldResolver(() => GraphQLDateTime, { nullable: true })
  nextPurgeAt(@Ctx() context: Context): Promise<Date | null> {
    return readOnce(context, nextPurgeAt);
  }

  @Authorized(READERS)
  @FieldResolver(() => [StoredLogs])
  async logs(@Root() { policies }: RetentionSource, @Ctx() context: Context): Promise<StoredLogs[]> {
    return (await readOnce(context, logsStored)).map(({ keepSeconds, ...stored }) => ({
      ...stored,
      keepLogs: keepSeconds,
      policies: policies.filter(({ keepLogs }) => keepLogs === keepSeconds),
    }));
  }

  @Authorized(READERS)
  @FieldResolver(() => [StoredWindows])
  async windowsStored(@Ctx() context: Context): Promise<StoredWindows[]> {
    return (await readOnce(context, windowsStored)).map(({ resolution, ...stored }) => ({
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
    const settings = await readOnce(context, readSettings);
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

function sourceOf(settings: RetentionSettings): RetentionSource {
  const windows: WindowRetention[] = Object.entries(RESOLUTION_SECONDS).map(([name, seconds]) => ({
    resolution: name as Resolution,
    keep: settings.windows[seconds]?.keep ?? null,
    keepBreakdowns: settings.windows[seconds]?.keepBreakdowns ?? null,
  }));
  return { version: settings.version, policies: policiesOf(settings), defaultLogs: settings.defaultSeconds, windows };
}
