import type { LogBatch } from '../../schema/log-batch.js';
import type { Answer, TestServer } from './server.js';

/** An entry as the API takes it. */
export interface EntryInput {
  time: string;
  host: string;
  user?: string | null;
  method: string;
  path: string;
  protocol?: string | null;
  status: number;
  bytes?: number | null;
  durationMs?: number | null;
  referrer?: string | null;
  userAgent?: string | null;
}

export interface IngestInput {
  agent: string;
  stream?: { id: string; epoch?: number | null; from: number; to: number; tail?: object | null } | null;
  entries?: EntryInput[] | null;
  batch?: LogBatch | object | null;
  malformed?: number;
  skipped?: number;
  rejections?: { position?: number | null; reason: string; sample: string }[];
}

const INGEST = `mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) {
  outcome accepted late malformed quarantined position agent { id } } }`;

/** Sends a batch; what the server answers, errors too. */
export function sendIngest(server: TestServer, input: IngestInput, token?: string): Promise<Answer> {
  return server.gql(INGEST, { input }, token);
}

/** Sends a batch that must be taken in without an error. */
export async function ingest(server: TestServer, input: IngestInput, token?: string) {
  const { data, errors } = await sendIngest(server, input, token);
  if (errors) throw new Error(`ingestLogs: ${JSON.stringify(errors)}`);
  return data.ingestLogs;
}

/** The code of the error that an answer must have. */
export function codeOf(answer: Answer): string | undefined {
  return answer.errors?.[0].extensions.code;
}

/** A common line at this time, but for what is named. */
export function line(timeMs: number, about: Partial<EntryInput> = {}): EntryInput {
  return {
    time: new Date(timeMs).toISOString(),
    host: '192.0.2.1',
    method: 'GET',
    path: '/api/user',
    status: 200,
    bytes: 10,
    ...about,
  };
}

const STATE = `query ($name: String) { agents(search: $name) { nodes {
  id name watermark lastEventAt backlogBytes ledger { lines accepted malformed quarantined skipped late }
  streams { id name position duplicateBatches ledger { lines accepted malformed quarantined skipped late }
    rejections { position reason sample } }
  traffic(timeframe: { from: "1990-01-01T00:00:00Z" }) {
    total { hits bytes peakHitsPerSecond } windows(maxPoints: 1) { revision } } } } }`;

/** All that tells whether anything of an agent has changed. */
export async function stateOf(server: TestServer, name: string) {
  const { data, errors } = await server.gql(STATE, { name });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.agents.nodes.find((node: { name: string }) => node.name === name) ?? null;
}
