import { expect } from '@jest/globals';
import type { Answer } from './server.js';

/** A server that can be asked, in this process or another. */
export interface Asked {
  gql: (query: string, variables?: object) => Promise<Answer>;
}

/** Entries of one event second. */
export interface Burst {
  /** Unix second. */
  at: number;
  hits: number;
  status?: number;
  bytes?: number;
  path?: string;
  /** Response time; none unless given. */
  durationMs?: number | null;
}

function entriesOf(bursts: readonly Burst[]): object[] {
  return bursts.flatMap(({ at, hits, status = 200, bytes = 100, path = '/api/user', durationMs = null }) =>
    Array.from({ length: hits }, (_, i) => ({
      time: new Date(at * 1_000).toISOString(),
      host: '10.0.0.1',
      method: 'GET',
      path: path.replace('*', String(i)),
      status,
      bytes,
      durationMs,
    })),
  );
}

/** An agent with one stream, as tests play it: sends entries, and says how it stands. */
export interface Source {
  agent: string;
  send: (...bursts: Burst[]) => Promise<void>;
  /** A heartbeat: caught up, unless it says otherwise. */
  beat: (said?: { backlogBytes?: number; ending?: boolean; closed?: boolean }) => Promise<void>;
  id: () => Promise<string>;
}

const INGEST = 'mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { outcome accepted } }';
const OPEN = 'mutation ($input: OpenStreamInput!) { openStream(input: $input) { streamId epoch position } }';
const BEAT = 'mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { fencedStreamIds } }';

/** Opens a stream of an agent, which is registered by it; `name` tells several of one agent apart. */
export async function openSource(server: Asked, agent: string, name = 'access.log'): Promise<Source> {
  const { data } = await server.gql(OPEN, { input: { agent, name } });
  const { streamId, epoch } = data.openStream as { streamId: string; epoch: number };
  let position = 0;
  return {
    agent,
    id: () => agentId(server, agent),
    send: async (...bursts) => {
      const entries = entriesOf(bursts);
      const stream = { id: streamId, epoch, from: position, to: position + entries.length };
      const answer = await server.gql(INGEST, { input: { agent, stream, entries } });
      expect(answer.errors).toBeUndefined();
      expect(answer.data.ingestLogs).toEqual({ outcome: 'APPENDED', accepted: entries.length });
      position += entries.length;
    },
    beat: async ({ backlogBytes = 0, ending = false, closed = false } = {}) => {
      const streams = [{ streamId, epoch, backlogBytes, closed }];
      const answer = await server.gql(BEAT, { input: { agent, sentAt: new Date().toISOString(), streams, ending } });
      expect(answer.errors).toBeUndefined();
    },
  };
}

/** Sends to the agent's stream `direct`. */
export async function sendDirect(server: Asked, agent: string, ...bursts: Burst[]): Promise<void> {
  const { data, errors } = await server.gql(INGEST, { input: { agent, entries: entriesOf(bursts) } });
  expect(errors).toBeUndefined();
  expect(data.ingestLogs.outcome).toBe('APPENDED');
}

/** Says that nothing more will come of an agent, so that all its seconds are decided. */
export async function endAgent(server: Asked, agent: string): Promise<void> {
  const { errors } = await server.gql(BEAT, { input: { agent, sentAt: new Date().toISOString(), ending: true } });
  expect(errors).toBeUndefined();
}

export async function agentId(server: Asked, name: string): Promise<string> {
  const { data } = await server.gql('query ($name: String) { agents(search: $name) { nodes { id name } } }', { name });
  return data.agents.nodes.find((node: { name: string }) => node.name === name).id;
}

/** An alert event, as far as tests look at it. */
export interface SeenEvent {
  id: string;
  cursor: string;
  type: string;
  ruleName: string;
  agentName: string;
  at: string;
  value: number;
  threshold: number;
  severity: string;
  message: string;
  rule: { id: string } | null;
  agent: { id: string } | null;
  startedBy: { id: string } | null;
}

const EVENT =
  'id cursor type ruleName agentName at value threshold severity message rule { id } agent { id } startedBy { id }';

/** All alert events of these rules (all where none is named), in the order recorded. */
export async function alertEvents(server: Asked, ruleIds: string[] | null = null): Promise<SeenEvent[]> {
  const { data, errors } = await server.gql(
    `query ($ruleIds: [ID!]) { alertEvents(ruleIds: $ruleIds, first: 500, newestFirst: false) { nodes { ${EVENT} } } }`,
    { ruleIds },
  );
  expect(errors).toBeUndefined();
  return data.alertEvents.nodes;
}

/** Number of an event in the order recorded: what its cursor holds. */
export function numberOf({ cursor }: Pick<SeenEvent, 'cursor'>): number {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString())[0];
}

/** Makes a rule over ten seconds, unless it says otherwise; returns its id. */
export async function createRule(server: Asked, input: object): Promise<string> {
  const { data, errors } = await server.gql(
    'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }',
    { input: { window: 'PT10S', ...input } },
  );
  expect(errors).toBeUndefined();
  return data.createAlertRule.id;
}

/** The current Unix second of the machine. */
export const nowSecond = (): number => Math.floor(Date.now() / 1_000);
export const isoSecond = (second: number): string => new Date(second * 1_000).toISOString();
