import type { ServerUnderFire } from './processes.js';

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

/** Rules that fire and recover often over `LiveTempo`. */
const RULES: readonly Omit<RuleUnderFire, 'id'>[] = [
  {
    name: 'busy',
    metric: 'HITS_PER_SECOND',
    comparison: 'GREATER_THAN',
    threshold: 60,
    recoveryThreshold: null,
    windowSeconds: 5,
  },
  {
    name: 'failing',
    metric: 'ERROR_RATE',
    comparison: 'GREATER_THAN',
    threshold: 0.5,
    recoveryThreshold: 0.2,
    windowSeconds: 10,
  },
  {
    name: 'quiet',
    metric: 'BYTES_PER_SECOND',
    comparison: 'LESS_THAN',
    threshold: 20_000,
    recoveryThreshold: 30_000,
    windowSeconds: 7,
  },
];

const CONNECT = 'mutation ($input: ConnectAgentInput!) { connectAgent(input: $input) { agent { id } } }';
const CREATE = 'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }';
const KEEP = 'mutation ($input: RetentionInput!) { setRetention(input: $input) { defaultLogs } }';

async function mustDo(server: ServerUnderFire, query: string, variables: object) {
  const { data, errors } = await server.gql(query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Registers the agent and its rules; lets nothing expire while the rig runs. The rule of the first start comes first. */
export async function createRules(server: ServerUnderFire, agent: string): Promise<RuleUnderFire[]> {
  const windows = ['SECONDS_10', 'MINUTE'].map((resolution) => ({ resolution, keepBreakdowns: null }));
  await mustDo(server, KEEP, { input: { defaultLogs: 'P1D', windows } });
  const { connectAgent } = await mustDo(server, CONNECT, { input: { name: agent } });
  const agentIds = [connectAgent.agent.id];
  const { data } = await server.gql('{ alertRules { id name metric comparison threshold recoveryThreshold } }');
  const rules: RuleUnderFire[] = [{ ...data.alertRules[0], windowSeconds: 120 }];
  for (const { windowSeconds, ...rule } of RULES) {
    const input = { ...rule, window: `PT${windowSeconds}S`, agentIds };
    const { createAlertRule } = await mustDo(server, CREATE, { input });
    rules.push({ ...rule, windowSeconds, id: createAlertRule.id });
  }
  return rules;
}
