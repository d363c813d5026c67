import { ConnectAgentMutation, OpenStreamMutation, type OpenStreamPayload } from '../../schema/operations/agent.js';
import { type Checkpoint, type FileSource, matchCheckpoints } from '../source/index.js';
import { type BatchLimits, batchLimits } from './batch.js';
import type { Halt } from './halt.js';
import type { Server } from './server.js';

/** Who this agent is. */
export interface AgentIdentity {
  name: string;
  hostname: string;
  version: string;
}

export interface Connection {
  incarnation: string;
  limits: BatchLimits;
  batchesInFlight: number;
  checkpoints: Checkpoint[];
}

export async function connect(server: Server, identity: AgentIdentity, halt: Halt): Promise<Connection> {
  const { connectAgent } = await server.ask(ConnectAgentMutation, { input: identity }, halt);
  const { incarnation, limits, streams } = connectAgent;
  const { batchesInFlight } = limits;
  return { incarnation, limits: batchLimits(limits), batchesInFlight, checkpoints: streams };
}

/** A file and where to go on in it. */
export interface Place {
  /** The stream that it goes on with; a new one where null. */
  checkpoint: Checkpoint | null;
  position: number;
  /** Why a new stream begins, where the server knows the name: it is another file now. */
  anotherFile: boolean;
}

/**
 * Where each file goes on.
 *
 * A file that the server knows goes on from its checkpoint. A new one begins at its start if wanted (`fromStart`), or if
 * the server knows its name: then it has taken the place of the file of that name. Otherwise at its end.
 */
export async function placesOf(
  files: readonly FileSource[],
  checkpoints: readonly Checkpoint[],
  fromStart: boolean,
): Promise<Place[]> {
  const matches = await matchCheckpoints(files, checkpoints);
  return Promise.all(
    files.map(async (file, index) => {
      const checkpoint = matches[index];
      if (checkpoint !== null) return { checkpoint, position: checkpoint.position, anotherFile: false };
      const anotherFile = checkpoints.some(({ name }) => name === file.name);
      return { checkpoint, position: fromStart || anotherFile ? 0 : await file.lastLineEnd(), anotherFile };
    }),
  );
}

/** Claims the place's stream, or a new one that begins there. */
export async function openStream(
  server: Server,
  agent: string,
  name: string,
  place: Place,
  head: { length: number; sha256: string } | null,
  halt: Halt,
): Promise<OpenStreamPayload> {
  const streamId = place.checkpoint?.id ?? null;
  const input = { agent, streamId, name, head, startAt: place.position };
  return (await server.ask(OpenStreamMutation, { input }, halt)).openStream;
}
