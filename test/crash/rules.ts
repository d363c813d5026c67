import { databaseUrl, withConnection } from '../support/database.js';
import type { ServerUnderFire } from './processes.js';
import { MAILBOX, type Receivers } from './receivers.js';

/** A rule of the live agent, in the words of the API. */
export interface RuleUnderFire {
  id: string;
  name: string;
  metric: 'HITS_PER_SECOND' | 'ERROR_RATE' | 'BYTES_PER_SECOND' | 'DURATION_P95';
  comparison: 'GREATER_THAN' | 'LESS_THAN';
  threshold: number;
  recoveryThreshold: number | null;
  windowSeconds: number;
}

/** And how it is told. */
export interface ToldRule extends RuleUnderFire {
  flapDetection: boolean;
  /** Seconds, below what the API takes; null: never. */
  remindEvery: number | null;
  /** Names. */
  channels: readonly string[];
}

/** Rules that fire and recover often over `LiveTempo`. */
const RULES: readonly Omit<ToldRule, 'id'>[] = [
  {
    name: 'busy',
    metric: 'HITS_PER_SECOND',
    comparison: 'GREATER_THAN',
    threshold: 60,
    recoveryThreshold: null,
    windowSeconds: 5,
    flapDetection: false,
    remindEvery: null,
    channels: ['web-1', 'web-2', 'ops'],
  },
  {
    name: 'failing',
    metric: 'ERROR_RATE',
    comparison: 'GREATER_THAN',
    threshold: 0.5,
    recoveryThreshold: 0.2,
    windowSeconds: 10,
    flapDetection: false,
    remindEvery: 1,
    channels: ['web-1', 'ops'],
  },
  {
    name: 'quiet',
    metric: 'BYTES_PER_SECOND',
    comparison: 'LESS_THAN',
    threshold: 20_000,
    recoveryThreshold: 30_000,
    windowSeconds: 7,
    flapDetection: true,
    remindEvery: null,
    channels: ['web-2', 'ops'],
  },
];

const CONNECT = 'mutation ($input: ConnectAgentInput!) { connectAgent(input: $input) { agent { id } } }';
const CREATE = 'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }';
const CHANNEL = 'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id name } }';
const KEEP = 'mutation ($input: RetentionInput!) { setRetention(input: $input) { defaultLogs } }';

async function mustDo(server: ServerUnderFire, query: string, variables: object) {
  const { data, errors } = await server.gql(query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Ids of the channels that the receivers have, by name. */
async function createChannels(server: ServerUnderFire, receivers: Receivers): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for (const name of ['web-1', 'web-2', 'ops']) {
    const input =
      name === 'ops' ? { kind: 'EMAIL', target: MAILBOX } : { kind: 'WEBHOOK', target: receivers.hook(name) };
    const { createNotificationChannel } = await mustDo(server, CHANNEL, { input: { name, ...input } });
    ids.set(name, createNotificationChannel.id);
  }
  return ids;
}

/** Registers the agent and its rules; lets nothing expire while the rig runs. The rule of the first start comes first. */
export async function createRules(server: ServerUnderFire, agent: string, receivers: Receivers): Promise<ToldRule[]> {
  const windows = ['SECONDS_10', 'MINUTE'].map((resolution) => ({ resolution, keepBreakdowns: null }));
  await mustDo(server, KEEP, { input: { defaultLogs: 'P1D', windows } });
  const { connectAgent } = await mustDo(server, CONNECT, { input: { name: agent } });
  const agentIds = [connectAgent.agent.id];
  const { data } = await server.gql('{ alertRules { id name metric comparison threshold recoveryThreshold } }');
  const rules: ToldRule[] = [
    { ...data.alertRules[0], windowSeconds: 120, flapDetection: true, remindEvery: null, channels: [] },
  ];
  const ids = await createChannels(server, receivers);
  for (const { windowSeconds, channels, remindEvery, ...rule } of RULES) {
    const channelIds = channels.map((name) => ids.get(name));
    const input = { ...rule, window: `PT${windowSeconds}S`, agentIds, channelIds };
    const { createAlertRule } = await mustDo(server, CREATE, { input });
    rules.push({ ...rule, windowSeconds, channels, remindEvery, id: createAlertRule.id });
  }
  await withConnection(databaseUrl(server.folder), async (client) => {
    for (const { id, remindEvery } of rules)
      await client.query('UPDATE alert_rule SET remind_every = $2 WHERE id = $1', [id, remindEvery]);
  });
  return rules;
}
