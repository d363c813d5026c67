import { Arg, Authorized, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { NONE } from '../../../schema/entry.js';
import { LogFilterInput, TimeframeInput } from '../../../schema/inputs/read.input.js';
import { Agent } from '../../../schema/types/agent.type.js';
import { LogEntry, LogEntryConnection } from '../../../schema/types/log-entry.type.js';
import { EVENT_MS_MIN } from '../../core/windows/tumbling.js';
import { type EntryKey, readLogs, type StoredEntry } from '../../store/logs.js';
import { READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { agentOf, readSnapshot } from '../request.js';
import { decodeCursor, encodeCursor, pageSize, spanOf } from '../timeframe.js';
import { knownAgents } from './traffic.resolver.js';

const ENTRIES_OF_A_PAGE_MAX = 1_000;
/** After all that can be stored. */
const FOREVER_MS = 8.64e15;

export type EntrySource = LogEntry & { agentId: string };

@Resolver(() => LogEntry)
export class LogResolver {
  @Authorized(READERS)
  @Query(() => LogEntryConnection, {
    nullable: true,
    description:
      "Raw entries still kept, newest first. A page may hold fewer than first, even none, with hasNextPage true, where the scan's limit is reached: go on from endCursor.",
  })
  async logs(
    @Ctx() context: Context,
    @Arg('timeframe', () => TimeframeInput, { nullable: true }) timeframe: TimeframeInput | null,
    @Arg('agentIds', () => [ID], { nullable: true }) agentIds: string[] | null,
    @Arg('filter', () => LogFilterInput, { nullable: true }) filter: LogFilterInput | null,
    @Arg('first', () => Int, { defaultValue: 100 }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
  ): Promise<LogEntryConnection> {
    const { tenantId } = caller(context);
    const size = pageSize(first, ENTRIES_OF_A_PAGE_MAX);
    const agents = await knownAgents(context, agentIds);
    const span = timeframe ? await spanOf(timeframe, context.services.db) : { fromMs: EVENT_MS_MIN, toMs: FOREVER_MS };
    const key = after == null ? null : keyOf(after);
    const page = await readSnapshot(context, (tx) =>
      readLogs(tx, { tenantId, agentIds: agents, ...span, filter: filter ?? {}, first: size, after: key }),
    );
    const edges = page.entries.map((entry) => ({ node: logEntryOf(entry), cursor: cursorOf(entry.key) }));
    const pageInfo = {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: key !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: page.end === null ? null : cursorOf(page.end),
    };
    return { edges, nodes: edges.map((edge) => edge.node), pageInfo };
  }

  @Authorized(READERS)
  @FieldResolver(() => Agent)
  async agent(@Root() entry: EntrySource, @Ctx() context: Context): Promise<Agent> {
    return (await agentOf(context, entry.agentId))!;
  }
}

function cursorOf({ timeMs, streamId, from, ordinal }: EntryKey): string {
  return encodeCursor([timeMs, streamId, from, ordinal]);
}

function keyOf(cursor: string): EntryKey {
  const [timeMs, streamId, from, ordinal] = decodeCursor(cursor, 4);
  return { timeMs: Number(timeMs), streamId: String(streamId), from: Number(from), ordinal: Number(ordinal) };
}

/** A stored entry as the API shows it. */
export function logEntryOf({ key, timeMs, target: _target, method, ...entry }: StoredEntry): EntrySource {
  const id = encodeCursor([key.streamId, key.from, key.ordinal]);
  return { ...entry, id, time: new Date(timeMs), method: method ?? NONE };
}
