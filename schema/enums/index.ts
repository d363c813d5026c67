import { registerEnumType } from 'type-graphql';

type Descriptions<Values extends readonly string[]> = Partial<Record<Values[number], string>>;

/** A GraphQL enum whose values are their names. */
function enumOf<const Values extends readonly string[]>(
  name: string,
  values: Values,
  description?: string,
  valueDescriptions: Descriptions<Values> = {},
): { [Value in Values[number]]: Value } {
  const object = Object.fromEntries(values.map((value) => [value, value])) as { [Value in Values[number]]: Value };
  const valuesConfig = Object.fromEntries(
    Object.entries(valueDescriptions).map(([value, text]) => [value, { description: text as string }]),
  );
  registerEnumType(object, { name, description, valuesConfig: valuesConfig as never });
  return object;
}

export const Role = enumOf('Role', ['OPERATOR', 'ADMIN', 'VIEWER', 'AGENT'], undefined, {
  OPERATOR: "All that an ADMIN may, and creates and deletes tenants; the first token's role.",
  ADMIN: 'Manages users, tokens, rules, retention; deletes.',
  VIEWER: 'Reads and subscribes.',
  AGENT: 'Ingests, and nothing else.',
});
export type Role = keyof typeof Role;

export const AuditAction = enumOf('AuditAction', [
  'TENANT_CREATED',
  'TENANT_LIMITS_SET',
  'TENANT_DELETED',
  'USER_CREATED',
  'USER_UPDATED',
  'USER_DELETED',
  'TOKEN_CREATED',
  'TOKEN_REVOKED',
  'ALERT_RULE_CREATED',
  'ALERT_RULE_UPDATED',
  'ALERT_RULE_DELETED',
  'ALERT_RULE_SILENCED',
  'ALERT_ACKNOWLEDGED',
  'CHANNEL_CREATED',
  'CHANNEL_UPDATED',
  'CHANNEL_DELETED',
  'SILENCE_CREATED',
  'SILENCE_DELETED',
  'RETENTION_SET',
  'TRAFFIC_DELETED',
  'AGENT_DELETED',
]);
export type AuditAction = keyof typeof AuditAction;

export const AgentStatus = enumOf('AgentStatus', ['LIVE', 'IDLE', 'OFFLINE'], undefined, {
  LIVE: 'A batch within the last 30 seconds.',
  IDLE: 'Otherwise, heard of within 2 minutes.',
  OFFLINE: 'Not heard of for 2 minutes, or ended on purpose.',
});
export type AgentStatus = keyof typeof AgentStatus;

export const Resolution = enumOf('Resolution', ['SECONDS_10', 'MINUTE', 'HOUR', 'DAY'], 'Width of stored windows.');
export type Resolution = keyof typeof Resolution;

export const Dimension = enumOf(
  'Dimension',
  ['SECTION', 'PATH', 'HOST', 'USER', 'METHOD', 'STATUS', 'REFERRER', 'USER_AGENT'],
  'By what entries are counted.',
  { SECTION: 'The path up to its second slash: /api/user → /api.' },
);
export type Dimension = keyof typeof Dimension;

export const AlertMetric = enumOf(
  'AlertMetric',
  ['HITS_PER_SECOND', 'BYTES_PER_SECOND', 'ERROR_RATE', 'DURATION_P95'],
  undefined,
  {
    ERROR_RATE: 'Share of 4xx and 5xx among the hits, 0 to 1.',
    DURATION_P95:
      '95th percentile of the response time, milliseconds, within 1 %, of those hits that have one. No comparison holds where none has.',
  },
);
export type AlertMetric = keyof typeof AlertMetric;

export const Comparison = enumOf('Comparison', [
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
]);
export type Comparison = keyof typeof Comparison;

export const ChannelKind = enumOf('ChannelKind', ['EMAIL', 'SLACK', 'WEBHOOK']);
export type ChannelKind = keyof typeof ChannelKind;

export const NotificationKind = enumOf(
  'NotificationKind',
  ['TRIGGERED', 'NO_DATA', 'RECOVERED', 'CLOSED', 'FLAPPING', 'SETTLED', 'REMINDER', 'SUMMARY', 'TEST'],
  undefined,
  {
    FLAPPING: 'The rule fires and recovers over and over, which is not told each time.',
    SETTLED: 'It does so no longer.',
    REMINDER: 'It still fires.',
    SUMMARY: 'Of old entries that were taken in.',
  },
);
export type NotificationKind = keyof typeof NotificationKind;

export const NotificationStatus = enumOf('NotificationStatus', ['PENDING', 'SENT', 'FAILED', 'SILENCED']);
export type NotificationStatus = keyof typeof NotificationStatus;

export const Severity = enumOf('Severity', ['INFO', 'WARNING', 'CRITICAL']);
export type Severity = keyof typeof Severity;

export const AlertEventType = enumOf('AlertEventType', ['TRIGGERED', 'RECOVERED', 'NO_DATA', 'CLOSED'], undefined, {
  NO_DATA: 'The agent has sent nothing for noDataAfter: at is wall time, value and threshold are seconds without data.',
  CLOSED: 'The rule was changed or deleted while it fired.',
});
export type AlertEventType = keyof typeof AlertEventType;

export const IngestOutcome = enumOf(
  'IngestOutcome',
  ['APPENDED', 'DUPLICATE', 'OUT_OF_SEQUENCE', 'FENCED'],
  undefined,
  {
    DUPLICATE: 'Taken in before; nothing was changed.',
    OUT_OF_SEQUENCE: "from is not the stream's position; send again from there. Nothing was changed.",
    FENCED: 'Another process has claimed the stream since; stop sending. Nothing was changed.',
  },
);
export type IngestOutcome = keyof typeof IngestOutcome;
