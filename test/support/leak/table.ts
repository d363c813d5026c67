import { randomUUID } from 'node:crypto';
import { batchOf } from '../../../schema/log-batch-builder.js';
import { entry } from '../entries.js';
import { INGEST, NOON_MS, type RoleName, SHARED_AGENT, type Side } from './seed.js';
import type { NestedArguments } from './walk.js';

/*
 * What was looked at by a person, of everything that the API takes and tells. Whoever adds a field or an argument adds
 * its line here: the test fails until then.
 */

const READERS: RoleName[] = ['OPERATOR', 'ADMIN', 'VIEWER'];
const OPERATORS: RoleName[] = ['OPERATOR'];
const MANAGERS: RoleName[] = ['OPERATOR', 'ADMIN'];
const INGESTERS: RoleName[] = ['OPERATOR', 'ADMIN', 'AGENT'];
const ANYONE: RoleName[] = ['OPERATOR', 'ADMIN', 'VIEWER', 'AGENT'];

export interface ReviewedRoot {
  /** Who may call it; every other role is FORBIDDEN. */
  roles: RoleName[];
  /** Arguments that its own tenant may call it with. Made anew for each call. */
  variables?: (own: Side) => Record<string, unknown> | Promise<Record<string, unknown>>;
}

const input = (type: string) => () => ({ input: structuredClone(EXAMPLES[type]) });

export const ROOTS: Record<string, ReviewedRoot> = {
  'Query.activeAlerts': { roles: READERS },
  'Query.agent': { roles: READERS, variables: ({ agentId }) => ({ id: agentId }) },
  'Query.agents': { roles: READERS },
  'Query.alertEvent': { roles: READERS, variables: ({ eventId }) => ({ id: eventId }) },
  'Query.alertEvents': { roles: READERS },
  'Query.alertRules': { roles: READERS },
  'Query.auditLog': { roles: MANAGERS },
  'Query.logs': { roles: READERS },
  'Query.notificationChannels': { roles: READERS },
  'Query.previewAlertRule': {
    roles: READERS,
    variables: () => ({ input: EXAMPLES.AlertRuleInput, timeframe: EXAMPLES.TimeframeInput }),
  },
  'Query.retention': { roles: READERS },
  'Query.silences': { roles: READERS },
  'Query.tenants': { roles: OPERATORS },
  'Query.tokens': { roles: MANAGERS },
  'Query.traffic': { roles: READERS, variables: () => ({ timeframe: EXAMPLES.TimeframeInput }) },
  'Query.users': { roles: MANAGERS },
  'Query.viewer': { roles: ANYONE },
  'Mutation.acknowledgeAlert': { roles: MANAGERS, variables: ({ eventId }) => ({ eventId }) },
  'Mutation.connectAgent': { roles: INGESTERS, variables: input('ConnectAgentInput') },
  'Mutation.createAlertRule': { roles: MANAGERS, variables: input('AlertRuleInput') },
  'Mutation.createNotificationChannel': { roles: MANAGERS, variables: input('NotificationChannelInput') },
  'Mutation.createSilence': { roles: MANAGERS, variables: input('SilenceInput') },
  'Mutation.createTenant': { roles: OPERATORS, variables: () => ({ input: { name: `spare ${randomUUID()}` } }) },
  'Mutation.createToken': { roles: MANAGERS, variables: input('TokenInput') },
  'Mutation.createUser': {
    roles: MANAGERS,
    variables: () => ({ input: { name: 'user', email: `${randomUUID()}@example.com`, role: 'VIEWER' } }),
  },
  'Mutation.deleteAgent': { roles: MANAGERS, variables: async (own) => ({ id: await spareAgent(own) }) },
  'Mutation.deleteAlertRule': { roles: MANAGERS, variables: async (own) => ({ id: await spareRule(own) }) },
  'Mutation.deleteNotificationChannel': {
    roles: MANAGERS,
    variables: async (own) => ({ id: await spare(own, 'createNotificationChannel', 'NotificationChannelInput') }),
  },
  'Mutation.deleteSilence': {
    roles: MANAGERS,
    variables: async (own) => ({ id: await spare(own, 'createSilence', 'SilenceInput') }),
  },
  'Mutation.deleteTenant': { roles: OPERATORS, variables: async (own) => ({ id: await spareTenant(own) }) },
  'Mutation.deleteTraffic': { roles: MANAGERS, variables: input('DeleteTrafficInput') },
  'Mutation.deleteUser': { roles: MANAGERS, variables: async (own) => ({ id: await spareUser(own) }) },
  'Mutation.heartbeat': { roles: INGESTERS, variables: input('HeartbeatInput') },
  'Mutation.ingestLogs': { roles: INGESTERS, variables: input('IngestLogsInput') },
  'Mutation.openStream': { roles: INGESTERS, variables: input('OpenStreamInput') },
  'Mutation.revokeToken': { roles: MANAGERS, variables: async (own) => ({ id: await spareToken(own) }) },
  'Mutation.setRetention': { roles: MANAGERS, variables: () => ({ input: { defaultLogs: 'PT1H' } }) },
  'Mutation.setTenantLimits': {
    roles: OPERATORS,
    variables: async (own) => ({ id: await spareTenant(own), input: {} }),
  },
  'Mutation.silenceAlertRule': { roles: MANAGERS, variables: async (own) => ({ id: await spareRule(own) }) },
  'Mutation.testNotificationChannel': { roles: MANAGERS, variables: ({ channelId }) => ({ id: channelId }) },
  'Mutation.updateAlertRule': {
    roles: MANAGERS,
    variables: async (own) => ({ id: await spareRule(own), input: { threshold: 6 } }),
  },
  'Mutation.updateNotificationChannel': {
    roles: MANAGERS,
    variables: ({ channelId }) => ({ id: channelId, input: {} }),
  },
  'Mutation.updateUser': { roles: MANAGERS, variables: async (own) => ({ id: await spareUser(own), input: {} }) },
  'Subscription.alertEvents': { roles: READERS },
  'Subscription.liveWindows': { roles: READERS },
  'Subscription.logTail': { roles: READERS },
};

/** What operators see and change of every tenant: they stand above them. Of what lies in a tenant they see their own. */
export const ABOVE_TENANTS = [
  'Query.tenants',
  'Mutation.createTenant',
  'Mutation.setTenantLimits',
  'Mutation.deleteTenant',
];

/** The least that each input type is valid with. */
export const EXAMPLES: Record<string, object> = {
  AlertRuleInput: { name: 'rule', threshold: 5 },
  AlertRulePatch: { threshold: 6 },
  ConnectAgentInput: { name: SHARED_AGENT },
  DeleteTrafficInput: {
    timeframes: [{ from: '2001-01-01T00:00:00Z', to: '2001-01-02T00:00:00Z' }],
  },
  DigestInput: { length: 0, sha256: '' },
  HeartbeatInput: { agent: SHARED_AGENT, sentAt: '2026-01-01T00:00:00Z' },
  IngestLogsInput: {
    agent: SHARED_AGENT,
    batch: batchOf([entry({ timeMs: NOON_MS })]),
  },
  LogEntryInput: { time: '2024-05-01T12:00:00Z', host: 'a.example', method: 'GET', path: '/', status: 200 },
  LogFilterInput: {},
  NotificationChannelInput: { name: 'channel', kind: 'WEBHOOK', target: 'http://127.0.0.1:9/' },
  NotificationChannelPatch: {},
  OpenStreamInput: { agent: SHARED_AGENT, name: 'access.log' },
  RejectionInput: { reason: 'reason', sample: 'sample' },
  RetentionInput: {},
  RetentionPolicyInput: { name: 'Errors', filter: { statusMin: 400 }, keepLogs: 'P7D' },
  SilenceInput: { name: 'silence', until: '2100-01-01T00:00:00Z' },
  StreamHeartbeatInput: { streamId: '', epoch: 1, backlogBytes: 0 },
  StreamPositionInput: { id: '', from: 0, to: 1 },
  TenantInput: { name: 'tenant' },
  TenantLimitsInput: {},
  TimeframeInput: { from: '2024-05-01T00:00:00Z', to: '2024-05-02T00:00:00Z' },
  TokenInput: { name: 'token', role: 'VIEWER' },
  UserInput: { name: 'user', email: 'user@example.com', role: 'VIEWER' },
  UserPatch: {},
  WindowRetentionInput: { resolution: 'DAY' },
};

/** Values of arguments below the roots. */
export const NESTED: NestedArguments = {
  'Agent.traffic(timeframe)': EXAMPLES.TimeframeInput,
  'Traffic.windows(maxPoints)': 3,
  'TrafficStats.top(dimension)': 'PATH',
};

const NOBODYS_ID = randomUUID();

/** A value of the other tenant, and one of nobody, between which no answer may make a difference. */
export interface Tried {
  foreign: string;
  /** Null: there is none of that form that would be nobody's. */
  nobodys: string | null;
}

/** What the arguments hold that name something, by what they name. */
export const REFERENCES = {
  agentId: {
    arguments: [
      'Query.activeAlerts(agentIds)',
      'Query.agent(id)',
      'Query.alertEvents(agentIds)',
      'Query.logs(agentIds)',
      'Query.traffic(agentIds)',
      'Mutation.deleteAgent(id)',
      'Subscription.alertEvents(agentIds)',
      'Subscription.liveWindows(agentIds)',
      'Subscription.logTail(agentIds)',
      'AlertRuleInput.agentIds',
      'AlertRulePatch.agentIds',
      'DeleteTrafficInput.agentIds',
      'RetentionPolicyInput.agentIds',
      'SilenceInput.agentIds',
    ],
    tried: ({ agentId }: Side): Tried[] => [{ foreign: agentId, nobodys: NOBODYS_ID }],
  },
  ruleId: {
    arguments: [
      'Query.alertEvents(ruleIds)',
      'Mutation.deleteAlertRule(id)',
      'Mutation.silenceAlertRule(id)',
      'Mutation.updateAlertRule(id)',
      'Subscription.alertEvents(ruleIds)',
      'SilenceInput.ruleIds',
    ],
    tried: ({ ruleId }: Side): Tried[] => [{ foreign: ruleId, nobodys: NOBODYS_ID }],
  },
  eventId: {
    arguments: ['Query.alertEvent(id)', 'Mutation.acknowledgeAlert(eventId)'],
    tried: ({ eventId }: Side): Tried[] => [{ foreign: eventId, nobodys: NOBODYS_ID }],
  },
  channelId: {
    arguments: [
      'Mutation.deleteNotificationChannel(id)',
      'Mutation.testNotificationChannel(id)',
      'Mutation.updateNotificationChannel(id)',
      'AlertRuleInput.channelIds',
      'AlertRulePatch.channelIds',
    ],
    tried: ({ channelId }: Side): Tried[] => [{ foreign: channelId, nobodys: NOBODYS_ID }],
  },
  silenceId: {
    arguments: ['Mutation.deleteSilence(id)'],
    tried: ({ silenceId }: Side): Tried[] => [{ foreign: silenceId, nobodys: NOBODYS_ID }],
  },
  userId: {
    arguments: ['Mutation.deleteUser(id)', 'Mutation.updateUser(id)', 'TokenInput.userId'],
    tried: ({ userId }: Side): Tried[] => [{ foreign: userId, nobodys: NOBODYS_ID }],
  },
  tokenId: {
    arguments: ['Mutation.revokeToken(id)'],
    tried: ({ tokenId }: Side): Tried[] => [{ foreign: tokenId, nobodys: NOBODYS_ID }],
  },
  // Operators alone name tenants, and all of them are theirs.
  tenantId: {
    arguments: ['Mutation.deleteTenant(id)', 'Mutation.setTenantLimits(id)'],
    tried: (): Tried[] => [],
  },
  streamId: {
    arguments: ['OpenStreamInput.streamId', 'StreamHeartbeatInput.streamId', 'StreamPositionInput.id'],
    tried: ({ streamId }: Side): Tried[] => [{ foreign: streamId, nobodys: NOBODYS_ID }],
  },
  cursorOfAgents: {
    arguments: ['Query.agents(after)'],
    tried: ({ cursors }: Side): Tried[] => [{ foreign: cursors.agents, nobodys: null }],
  },
  cursorOfLogs: {
    arguments: ['Query.logs(after)'],
    tried: ({ cursors }: Side): Tried[] => [{ foreign: cursors.logs, nobodys: withAnotherStream(cursors.logs) }],
  },
  cursorOfEvents: {
    arguments: ['Query.alertEvents(after)', 'Subscription.alertEvents(after)'],
    tried: ({ cursors }: Side): Tried[] => [{ foreign: cursors.alertEvents, nobodys: null }],
  },
  cursorOfAudit: {
    arguments: ['Query.auditLog(after)'],
    tried: ({ cursors }: Side): Tried[] => [{ foreign: cursors.auditLog, nobodys: null }],
  },
  agentName: {
    arguments: [
      'ConnectAgentInput.name',
      'HeartbeatInput.agent',
      'IngestLogsInput.agent',
      'OpenStreamInput.agent',
      'Query.agents(search)',
    ],
    tried: ({ loneAgent }: Side): Tried[] => [{ foreign: loneAgent, nobodys: 'only-of-nobody' }],
  },
  searched: {
    arguments: [
      'LogFilterInput.host',
      'LogFilterInput.method',
      'LogFilterInput.path',
      'LogFilterInput.search',
      'LogFilterInput.section',
    ],
    tried: ({ mark }: Side): Tried[] => [
      { foreign: mark, nobodys: 'nobodys-text' },
      { foreign: `${mark}.example`, nobodys: 'nobodys.example' },
      { foreign: `/${mark}`, nobodys: '/nobodys' },
    ],
  },
} as const satisfies Record<string, { arguments: string[]; tried: (foreign: Side) => Tried[] }>;

/** Texts that are stored, or compared, as the caller's own: they name nothing that there is. */
export const WRITTEN: string[] = [
  'AlertRuleInput.name',
  'AlertRulePatch.name',
  'ConnectAgentInput.hostname',
  'ConnectAgentInput.version',
  'DigestInput.sha256',
  'LogEntryInput.host',
  'LogEntryInput.method',
  'LogEntryInput.path',
  'LogEntryInput.protocol',
  'LogEntryInput.referrer',
  'LogEntryInput.user',
  'LogEntryInput.userAgent',
  'NotificationChannelInput.name',
  'NotificationChannelInput.secret',
  'NotificationChannelInput.target',
  'NotificationChannelPatch.name',
  'NotificationChannelPatch.secret',
  'NotificationChannelPatch.target',
  'OpenStreamInput.name',
  'RejectionInput.reason',
  'RejectionInput.sample',
  'RetentionPolicyInput.name',
  'SilenceInput.name',
  'TenantInput.name',
  'TokenInput.agentName',
  'TokenInput.name',
  'UserInput.email',
  'UserInput.name',
  'UserPatch.email',
  'UserPatch.name',
];

/** Numbers, times and choices, whose type cannot name anything of anybody. */
export const PLAIN: string[] = [
  'Agent.streams(first)',
  'AlertEvent.evidence(first)',
  'AlertRuleInput.comparison',
  'AlertRuleInput.enabled',
  'AlertRuleInput.flapDetection',
  'AlertRuleInput.metric',
  'AlertRuleInput.minHits',
  'AlertRuleInput.noDataAfter',
  'AlertRuleInput.recoveryThreshold',
  'AlertRuleInput.remindEvery',
  'AlertRuleInput.severity',
  'AlertRuleInput.threshold',
  'AlertRuleInput.window',
  'AlertRulePatch.comparison',
  'AlertRulePatch.enabled',
  'AlertRulePatch.flapDetection',
  'AlertRulePatch.metric',
  'AlertRulePatch.minHits',
  'AlertRulePatch.noDataAfter',
  'AlertRulePatch.recoveryThreshold',
  'AlertRulePatch.remindEvery',
  'AlertRulePatch.severity',
  'AlertRulePatch.threshold',
  'AlertRulePatch.window',
  'DeleteTrafficInput.dryRun',
  'DeleteTrafficInput.includeLogs',
  'DigestInput.length',
  'HeartbeatInput.ending',
  'HeartbeatInput.sentAt',
  'IngestLogsInput.batch',
  'IngestLogsInput.malformed',
  'IngestLogsInput.skipped',
  'LogEntryInput.bytes',
  'LogEntryInput.durationMs',
  'LogEntryInput.status',
  'LogEntryInput.time',
  'LogFilterInput.statusMax',
  'LogFilterInput.statusMin',
  'Mutation.silenceAlertRule(until)',
  'NotificationChannelInput.kind',
  'NotificationChannelPatch.enabled',
  'OpenStreamInput.startAt',
  'Query.agents(first)',
  'Query.alertEvents(first)',
  'Query.alertEvents(newestFirst)',
  'Query.auditLog(first)',
  'Query.logs(first)',
  'RejectionInput.position',
  'RetentionInput.defaultLogs',
  'RetentionPolicyInput.keepLogs',
  'SilenceInput.from',
  'SilenceInput.until',
  'StreamHeartbeatInput.backlogBytes',
  'StreamHeartbeatInput.catchingUp',
  'StreamHeartbeatInput.closed',
  'StreamHeartbeatInput.epoch',
  'StreamPositionInput.epoch',
  'StreamPositionInput.from',
  'StreamPositionInput.to',
  'TenantLimitsInput.agents',
  'TenantLimitsInput.alertRules',
  'TenantLimitsInput.entriesPerSecond',
  'TenantLimitsInput.keepLogs',
  'TimeframeInput.from',
  'TimeframeInput.last',
  'TimeframeInput.to',
  'TokenInput.expiresAt',
  'TokenInput.role',
  'Traffic.windows(maxPoints)',
  'Traffic.windows(resolution)',
  'Traffic.windows(step)',
  'TrafficStats.top(dimension)',
  'TrafficStats.top(first)',
  'UserInput.role',
  'UserPatch.role',
  'WindowRetentionInput.keep',
  'WindowRetentionInput.keepBreakdowns',
  'WindowRetentionInput.resolution',
];

/** Fields that an AGENT's token may read, wherever it reaches them; every other one is FORBIDDEN to it. */
export const AGENT_MAY_READ: string[] = [
  ...['agent', 'incarnation', 'limits', 'serverTime', 'streams'].map((name) => `ConnectAgentPayload.${name}`),
  ...['agent', 'accepted', 'late', 'malformed', 'outcome', 'position', 'quarantined'].map(
    (name) => `IngestLogsPayload.${name}`,
  ),
  ...['fencedStreamIds', 'incarnation', 'serverTime'].map((name) => `HeartbeatPayload.${name}`),
  ...['epoch', 'position', 'streamId'].map((name) => `OpenStreamPayload.${name}`),
  ...['batchBytes', 'batchEntries', 'batchesInFlight'].map((name) => `IngestLimits.${name}`),
  ...['head', 'id', 'name', 'position', 'tail'].map((name) => `StreamCheckpoint.${name}`),
  ...['length', 'sha256'].map((name) => `Digest.${name}`),
  // What it said of itself, and how far it was taken in.
  ...['backlogBytes', 'clockSkewMs', 'firstEventAt', 'firstSeenAt', 'id', 'lastEventAt'].map((name) => `Agent.${name}`),
  ...['lastSeenAt', 'ledger', 'name', 'status', 'streams', 'watermark'].map((name) => `Agent.${name}`),
  ...['backlogBytes', 'closedAt', 'duplicateBatches', 'id', 'ledger', 'name', 'position'].map(
    (name) => `Stream.${name}`,
  ),
  ...['accepted', 'late', 'lines', 'malformed', 'quarantined', 'skipped'].map((name) => `Ledger.${name}`),
  ...['role', 'tenant', 'user'].map((name) => `Viewer.${name}`),
  ...['id', 'limits', 'name'].map((name) => `Tenant.${name}`),
  ...['agents', 'alertRules', 'entriesPerSecond', 'keepLogs'].map((name) => `TenantLimits.${name}`),
  ...['email', 'id', 'name', 'role'].map((name) => `User.${name}`),
];

async function spareAgent(own: Side): Promise<string> {
  const { data } = await own.ask(INGEST, { input: { agent: `spare ${randomUUID()}`, entries: [] } });
  return data.ingestLogs.agent.id;
}

async function spareRule(own: Side): Promise<string> {
  const { data } = await own.ask('mutation { createAlertRule(input: { name: "spare", threshold: 5 }) { id } }');
  return data.createAlertRule.id;
}

/** Something of its own that may go. */
async function spare(own: Side, mutation: string, type: string): Promise<string> {
  const query = `mutation ($input: ${type}!) { made: ${mutation}(input: $input) { id } }`;
  const { data } = await own.ask(query, { input: EXAMPLES[type] });
  return data.made.id;
}

async function spareUser(own: Side): Promise<string> {
  const { data } = await own.ask('mutation ($input: UserInput!) { createUser(input: $input) { id } }', {
    input: { name: 'spare', email: `${randomUUID()}@example.com`, role: 'VIEWER' },
  });
  return data.createUser.id;
}

async function spareToken(own: Side): Promise<string> {
  const { data } = await own.ask('mutation { createToken(input: { name: "spare", role: VIEWER }) { token { id } } }');
  return data.createToken.token.id;
}

async function spareTenant(own: Side): Promise<string> {
  const query = 'mutation ($input: TenantInput!) { createTenant(input: $input) { tenant { id } } }';
  const { data } = await own.ask(query, { input: { name: `spare ${randomUUID()}` } }, 'OPERATOR');
  return data.createTenant.tenant.id;
}

function withAnotherStream(cursor: string): string {
  const [timeMs, , ...rest] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  return Buffer.from(JSON.stringify([timeMs, NOBODYS_ID, ...rest])).toString('base64url');
}
