import { Arg, Authorized, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import {
  ConnectAgentInput,
  type DigestInput,
  HeartbeatInput,
  IngestLogsInput,
  type LogEntryInput,
  OpenStreamInput,
} from '../../../schema/inputs/ingest.input.js';
import { BATCH_ENTRIES_MAX, decodeLogBatch } from '../../../schema/log-batch.js';
import { batchOf } from '../../../schema/log-batch-builder.js';
import type { ReceivedBatch } from '../../../schema/scalars/index.js';
import { Agent } from '../../../schema/types/agent.type.js';
import {
  ConnectAgentPayload,
  HeartbeatPayload,
  IngestLogsPayload,
  OpenStreamPayload,
} from '../../../schema/types/ingest.type.js';
import type { Identity } from '../../auth/tokens.js';
import { badInput, forbidden } from '../../errors.js';
import { connectAgent, openStream } from '../../ingest/index.js';
import { readAgents } from '../../store/sql/agents.sql.js';
import { INGESTERS } from '../authority.js';
import { type Context, caller } from '../context.js';

/** Bytes of a batch as JSON: 8,192 lines of common length; the body's limit leaves room for more. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Of a stream: while one is decided the next is read. */
const BATCHES_IN_FLIGHT = 2;
const NAME_LENGTH_MAX = 200;
const STREAM_NAME_LENGTH_MAX = 1_024;
/** Bytes of a name that a script gives its stream: the database finds it by an index, whose keys have 2,704 at most. */
const SCRIPT_NAME_BYTES_MAX = 2_400;
/** Lines of one batch that are no entry: above what any body holds, and its sums stay within GraphQL's Int. */
const LINES_MAX = 1_000_000_000;
const REJECTIONS_MAX = 20;

type FromAgent<Payload> = Payload & { agentId: string };

/** The caller, who may ingest for this agent. */
function ingester(context: Context, agentName: string): Identity {
  const identity = caller(context);
  if (identity.agentName !== null && identity.agentName !== agentName) throw forbidden();
  checkName('agent', agentName, NAME_LENGTH_MAX);
  return identity;
}

function checkName(what: string, name: string, lengthMax: number): void {
  if (name.trim() === '' || name.length > lengthMax || name.includes('\0')) {
    throw badInput(`${what} must be a name of 1 to ${lengthMax} characters.`);
  }
}

/** Hexadecimal, as any hash of ours is and as long as any: what is stored here is told to whoever connects. */
function checkDigest(what: string, digest: DigestInput | null | undefined): void {
  if (digest == null) return;
  if (digest.length < 0 || !/^[0-9a-f]{0,128}$/i.test(digest.sha256)) {
    throw badInput(`${what} must have a length from 0 and a hexadecimal sha256.`);
  }
}

@Resolver()
export class IngestResolver {
  @Authorized(INGESTERS)
  @Mutation(() => ConnectAgentPayload, {
    description:
      'An agent says hello: it is registered, and told of its streams, so that it finds its place in its files again.',
  })
  async connectAgent(
    @Ctx() context: Context,
    @Arg('input', () => ConnectAgentInput) input: ConnectAgentInput,
  ): Promise<FromAgent<ConnectAgentPayload>> {
    const { tenantId } = ingester(context, input.name);
    const { db, incarnation } = context.services;
    const { agentId, streams } = await connectAgent(db, tenantId, {
      name: input.name,
      hostname: input.hostname ?? null,
      version: input.version ?? null,
    });
    const limits = { batchEntries: BATCH_ENTRIES_MAX, batchBytes: BATCH_BYTES_MAX, batchesInFlight: BATCHES_IN_FLIGHT };
    return { agentId, streams, serverTime: new Date(await db.now()), incarnation, limits };
  }

  @Authorized(INGESTERS)
  @Mutation(() => OpenStreamPayload, {
    description: 'Claims a stream for one agent process; an earlier claim is fenced off.',
  })
  async openStream(
    @Ctx() context: Context,
    @Arg('input', () => OpenStreamInput) input: OpenStreamInput,
  ): Promise<OpenStreamPayload> {
    const { tenantId } = ingester(context, input.agent);
    checkName('name', input.name, STREAM_NAME_LENGTH_MAX);
    checkDigest('head', input.head);
    if (input.startAt < 0) throw badInput(`startAt is ${input.startAt}; expected a position from 0.`);
    return openStream(context.services.db, tenantId, {
      ...input,
      streamId: input.streamId ?? null,
      head: input.head ?? null,
    });
  }

  @Authorized(INGESTERS)
  @Mutation(() => HeartbeatPayload, {
    description: 'Every few seconds: the agent lives, how far it is behind, and its clock.',
  })
  async heartbeat(
    @Ctx() context: Context,
    @Arg('input', () => HeartbeatInput) input: HeartbeatInput,
  ): Promise<HeartbeatPayload> {
    const { tenantId } = ingester(context, input.agent);
    const { heartbeats, incarnation, onHeartbeat } = context.services;
    if (input.streams.some((stream) => stream.backlogBytes < 0)) throw badInput('backlogBytes must be from 0.');
    const { agent: agentName, streams, ending, sentAt } = input;
    const heartbeat = { tenantId, agentName, streams, ending, sentAtMs: sentAt.getTime() };
    const { agentId, fencedStreamIds, alertsRest, nowMs } = await heartbeats.beat(heartbeat);
    if (!alertsRest) onHeartbeat(tenantId, agentId);
    return { serverTime: new Date(nowMs), incarnation, fencedStreamIds };
  }

  @Authorized(INGESTERS)
  @Mutation(() => IngestLogsPayload, {
    description: "Appends entries to an agent's log; the agent is registered at its first batch.",
  })
  async ingestLogs(
    @Ctx() context: Context,
    @Arg('input', () => IngestLogsInput) input: IngestLogsInput,
  ): Promise<FromAgent<IngestLogsPayload>> {
    const { tenantId } = ingester(context, input.agent);
    const { wire, decoded } = receivedOf(input);
    return context.services.ingest.append({
      tenantId,
      agentName: input.agent,
      stream: streamOf(input),
      wire,
      batch: decoded,
      malformed: input.malformed,
      skipped: input.skipped,
      rejections: (input.rejections ?? []).map(({ position, ...rest }) => ({ ...rest, position: position ?? null })),
    });
  }
}

function streamOf({ stream, malformed, skipped, rejections }: IngestLogsInput) {
  if (Math.min(malformed, skipped) < 0 || Math.max(malformed, skipped) > LINES_MAX)
    throw badInput(`malformed and skipped must be from 0 to ${LINES_MAX}.`);
  if ((rejections?.length ?? 0) > REJECTIONS_MAX)
    throw badInput(`rejections has ${rejections!.length} places; at most ${REJECTIONS_MAX}.`);
  if (stream == null) return null;
  checkName('stream.id', stream.id, STREAM_NAME_LENGTH_MAX);
  if (Buffer.byteLength(stream.id) > SCRIPT_NAME_BYTES_MAX)
    throw badInput(`stream.id must have ${SCRIPT_NAME_BYTES_MAX} bytes at most.`);
  checkDigest('stream.tail', stream.tail);
  if (stream.from < 0 || stream.from >= stream.to) {
    throw badInput(`The batch covers [${stream.from}, ${stream.to}); expected 0 <= from < to.`);
  }
  return { id: stream.id, epoch: stream.epoch ?? null, tail: stream.tail ?? null, from: stream.from, to: stream.to };
}

/** `entries` becomes a LogBatch first, so that there is one path. */
function receivedOf({ entries, batch }: IngestLogsInput): ReceivedBatch {
  if (entries != null && batch != null) throw badInput('Either entries or batch, not both.');
  if (batch != null) return batch;
  if ((entries?.length ?? 0) > BATCH_ENTRIES_MAX)
    throw badInput(`${entries!.length} entries are more than ${BATCH_ENTRIES_MAX}.`);
  return { wire: null, decoded: decodeLogBatch(batchOf((entries ?? []).map(entryOf))) };
}

/** A script may write what is not there as an empty text. */
const said = (text: string | null | undefined): string | null => text || null;

function entryOf(input: LogEntryInput) {
  return {
    timeMs: input.time.getTime(),
    host: input.host,
    user: said(input.user),
    method: said(input.method),
    target: said(input.path),
    protocol: said(input.protocol),
    status: input.status,
    bytes: input.bytes ?? 0,
    durationMs: input.durationMs ?? null,
    referrer: said(input.referrer),
    userAgent: said(input.userAgent),
  };
}

async function agentOf({ agentId }: { agentId: string }, context: Context): Promise<Agent> {
  const { tenantId } = caller(context);
  const [agent] = await context.services.db.inTenants([tenantId], ({ sql }) =>
    readAgents(sql, tenantId, [agentId], { hidden: true }),
  );
  return agent;
}

@Resolver(() => ConnectAgentPayload)
export class ConnectAgentPayloadResolver {
  @Authorized(INGESTERS)
  @FieldResolver(() => Agent)
  agent(@Root() payload: FromAgent<ConnectAgentPayload>, @Ctx() context: Context): Promise<Agent> {
    return agentOf(payload, context);
  }
}

@Resolver(() => IngestLogsPayload)
export class IngestLogsPayloadResolver {
  @Authorized(INGESTERS)
  @FieldResolver(() => Agent)
  agent(@Root() payload: FromAgent<IngestLogsPayload>, @Ctx() context: Context): Promise<Agent> {
    return agentOf(payload, context);
  }
}
