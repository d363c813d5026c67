import { Arg, Authorized, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { TimeframeInput } from '../../../schema/inputs/read.input.js';
import { Agent, AgentConnection, Ledger, Rejection, Stream } from '../../../schema/types/agent.type.js';
import { Traffic } from '../../../schema/types/traffic.type.js';
import { pageAgents, readAgents, readLedger, readStreams, type StreamView } from '../../store/sql/agents.sql.js';
import { ANYONE, READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { pageOf } from '../page.js';
import { readSnapshot } from '../request.js';
import { decodeCursor, encodeCursor, pageSize } from '../timeframe.js';
import type { TrafficKey } from '../traffic/loader.js';
import { trafficOf } from './traffic.resolver.js';

const AGENTS_OF_A_PAGE_MAX = 500;
const STREAMS_MAX = 1_000;

@Resolver(() => Agent)
export class AgentResolver {
  @Authorized(READERS)
  @Query(() => Agent, { nullable: true })
  async agent(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<Agent | null> {
    const { tenantId } = caller(context);
    const [agent] = await readSnapshot(context, ({ sql }) => readAgents(sql, tenantId, [id]));
    return agent ?? null;
  }

  @Authorized(READERS)
  @Query(() => AgentConnection, {
    description: 'By name; search: those whose name contains it, without regard to case.',
  })
  async agents(
    @Ctx() context: Context,
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Arg('search', () => String, { nullable: true }) search: string | null,
  ): Promise<AgentConnection> {
    const { tenantId } = caller(context);
    const size = pageSize(first, AGENTS_OF_A_PAGE_MAX);
    const name = after == null ? null : String(decodeCursor(after, 1)[0]);
    const { rows, totalCount } = await readSnapshot(context, ({ sql }) =>
      pageAgents(sql, tenantId, { first: size + 1, after: name, search: search ?? null }),
    );
    const page = pageOf(rows, { size, isFirst: name === null, cursorOf: (row) => encodeCursor([row.name]) });
    return { ...page, totalCount };
  }

  @Authorized(ANYONE)
  @FieldResolver(() => Ledger, { description: 'Summed over its streams.' })
  async ledger(@Root() agent: Agent, @Ctx() context: Context): Promise<Ledger> {
    const { tenantId } = caller(context);
    return readSnapshot(context, ({ sql }) => readLedger(sql, tenantId, agent.id));
  }

  @Authorized(ANYONE)
  @FieldResolver(() => [Stream], { description: 'The latest first.' })
  async streams(
    @Root() agent: Agent,
    @Ctx() context: Context,
    @Arg('first', () => Int, { defaultValue: 100 }) first: number,
  ): Promise<Stream[]> {
    const { tenantId } = caller(context);
    const size = pageSize(first, STREAMS_MAX);
    const rows = await readSnapshot(context, ({ sql }) => readStreams(sql, tenantId, agent.id, size));
    return rows.map(streamOf);
  }

  @Authorized(READERS)
  @FieldResolver(() => Traffic, { nullable: true })
  async traffic(
    @Root() agent: Agent,
    @Ctx() context: Context,
    @Arg('timeframe', () => TimeframeInput) timeframe: TimeframeInput,
  ): Promise<TrafficKey> {
    return trafficOf(context, timeframe, [agent.id]);
  }
}

function streamOf(row: StreamView): Stream {
  const { lines, accepted, malformed, quarantined, skipped, late, ...stream } = row;
  return { ...stream, ledger: { lines, accepted, malformed, quarantined, skipped, late } };
}

/** Samples are log lines: an agent's token may write them, not read them. */
@Resolver(() => Stream)
export class StreamResolver {
  @Authorized(READERS)
  @FieldResolver(() => [Rejection], { description: 'The latest lines not counted, each with its reason; 20 at most.' })
  rejections(@Root() stream: Stream): Rejection[] {
    return stream.rejections;
  }
}
