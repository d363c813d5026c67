import { Arg, Authorized, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { AlertRuleInput, AlertRulePatch } from '../../../schema/inputs/alert-rule.input.js';
import { type LogFilterInput, TimeframeInput } from '../../../schema/inputs/read.input.js';
import { GraphQLDateTime } from '../../../schema/scalars/index.js';
import { Agent } from '../../../schema/types/agent.type.js';
import {
  AlertEvent,
  AlertEventConnection,
  AlertPreview,
  AlertRule,
  PreviewedAlert,
} from '../../../schema/types/alert.type.js';
import { LogEntry } from '../../../schema/types/log-entry.type.js';
import { auditOf } from '../../accounts/index.js';
import {
  type AlertEventRow,
  acknowledge,
  checkRule,
  EVIDENCE_MAX,
  previewRule,
  type RuleChange,
  readActiveAlerts,
  readAlertEvent,
  readAlertEvents,
  readEvidence,
} from '../../alerts/index.js';
import type { LogFilter } from '../../core/retention/filter.js';
import { badInput, notFound } from '../../errors.js';
import type { AlertRuleEntity } from '../../store/entities/alert-rule.entity.js';
import { readAgents } from '../../store/sql/agents.sql.js';
import { isUuid } from '../../store/uuid.js';
import { MANAGERS, READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { givenOf } from '../given.js';
import { pageOf } from '../page.js';
import { agentOf, readSnapshot } from '../request.js';
import { decodeCursor, encodeCursor, pageSize, spanOf } from '../timeframe.js';
import { type EntrySource, logEntryOf } from './log.resolver.js';
import { knownAgents } from './traffic.resolver.js';

const EVENTS_OF_A_PAGE_MAX = 500;
const FILTER_KEYS = ['statusMin', 'statusMax', 'method', 'path', 'section', 'host', 'search'] as const;

type EventSource = AlertEvent & Pick<AlertEventRow, 'ruleId' | 'agentId' | 'startedBy'>;

type PreviewedAlertSource = PreviewedAlert & { agentId: string };
type PreviewSource = Omit<AlertPreview, 'events'> & { events: PreviewedAlertSource[] };

export function alertEventOf({ number, ...row }: AlertEventRow): EventSource {
  return { ...row, cursor: encodeCursor([number]) };
}

/** The event's number that a cursor means. @throws ApiError BAD_USER_INPUT. */
export function eventNumber(cursor: string): number {
  const number = Number(decodeCursor(cursor, 1)[0]);
  if (!Number.isSafeInteger(number)) throw badInput('after is no cursor of this list.');
  return number;
}

function alertRuleOf({ windowSeconds, ...rule }: AlertRuleEntity): AlertRule {
  return { ...rule, window: windowSeconds };
}

@Resolver(() => AlertEvent)
export class AlertResolver {
  @Authorized(READERS)
  @Query(() => [AlertRule])
  async alertRules(@Ctx() context: Context): Promise<AlertRule[]> {
    return (await context.services.rules.list(caller(context).tenantId)).map(alertRuleOf);
  }

  @Authorized(READERS)
  @Query(() => AlertEventConnection, {
    nullable: true,
    description: 'In the order recorded; after: further on in that direction.',
  })
  async alertEvents(
    @Ctx() context: Context,
    @Arg('timeframe', () => TimeframeInput, { nullable: true }) timeframe: TimeframeInput | null,
    @Arg('agentIds', () => [ID], { nullable: true }) agentIds: string[] | null,
    @Arg('ruleIds', () => [ID], { nullable: true }) ruleIds: string[] | null,
    @Arg('first', () => Int, { defaultValue: 50 }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Arg('newestFirst', () => Boolean, { defaultValue: true }) newestFirst: boolean,
  ): Promise<AlertEventConnection> {
    const { tenantId } = caller(context);
    const size = pageSize(first, EVENTS_OF_A_PAGE_MAX);
    const span = timeframe ? await spanOf(timeframe, context.services.db) : { fromMs: null, toMs: null };
    const agents = await knownAgents(context, agentIds);
    const number = after == null ? null : eventNumber(after);
    const query = {
      tenantId,
      agentIds: agents,
      ruleIds: ruleIds ?? null,
      ...span,
      after: number,
      newestFirst,
      limit: size + 1,
    };
    const rows = await readSnapshot(context, ({ sql }) => readAlertEvents(sql, query));
    return pageOf(rows.map(alertEventOf), { size, isFirst: number === null, cursorOf: ({ cursor }) => cursor });
  }

  @Authorized(READERS)
  @Query(() => AlertEvent, { nullable: true, description: 'Null where there is none of that id.' })
  async alertEvent(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<AlertEvent | null> {
    if (!isUuid(id)) return null;
    const { tenantId } = caller(context);
    const row = await readSnapshot(context, ({ sql }) => readAlertEvent(sql, tenantId, id));
    return row ? alertEventOf(row) : null;
  }

  @Authorized(READERS)
  @Query(() => [AlertEvent], { nullable: true, description: 'Alerts that are firing now.' })
  async activeAlerts(
    @Ctx() context: Context,
    @Arg('agentIds', () => [ID], { nullable: true }) agentIds: string[] | null,
  ): Promise<AlertEvent[]> {
    const { tenantId } = caller(context);
    const agents = await knownAgents(context, agentIds);
    const rows = await readSnapshot(context, ({ sql }) => readActiveAlerts(sql, tenantId, agents));
    return rows.map(alertEventOf);
  }

  @Authorized(READERS)
  @Query(() => AlertPreview, {
    description: 'What a rule would have done over stored traffic; nothing is saved or sent.',
  })
  async previewAlertRule(
    @Ctx() context: Context,
    @Arg('input', () => AlertRuleInput) input: AlertRuleInput,
    @Arg('timeframe', () => TimeframeInput) timeframe: TimeframeInput,
  ): Promise<PreviewSource> {
    const { tenantId } = caller(context);
    const rule = ruleOf(input);
    const span = await spanOf(timeframe, context.services.db);
    const preview = await readSnapshot(context, async (tx) => {
      const agents = await readAgents(tx.sql, tenantId, null);
      checkRule(rule, agents);
      const agentIds = rule.agentIds.length > 0 ? rule.agentIds : agents.map(({ id }) => id);
      return previewRule(tx, { tenantId, rule, filter: rule.filter, agentIds, ...span });
    });
    const { coveredFromMs, coveredToMs, triggered, firingSeconds, events } = preview;
    return {
      covered: { from: new Date(coveredFromMs), to: new Date(coveredToMs) },
      triggered,
      firing: firingSeconds,
      events: events.map(({ at, value, ...event }) => ({ ...event, value: value ?? 0, at: new Date(at * 1_000) })),
    };
  }

  @Authorized(READERS)
  @FieldResolver(() => AlertRule, { nullable: true, description: 'Null once deleted.' })
  async rule(@Root() event: EventSource, @Ctx() context: Context): Promise<AlertRule | null> {
    if (event.ruleId === null) return null;
    const rule = await context.services.rules.find(caller(context).tenantId, event.ruleId);
    return rule && alertRuleOf(rule);
  }

  @Authorized(READERS)
  @FieldResolver(() => Agent, { nullable: true, description: 'Null once deleted.' })
  async agent(@Root() event: EventSource, @Ctx() context: Context): Promise<Agent | null> {
    return event.agentId === null ? null : agentOf(context, event.agentId);
  }

  @Authorized(READERS)
  @FieldResolver(() => [LogEntry], {
    description:
      'Entries that counted towards it; the newest 1,000 are kept as long as the event, whatever the retention.',
  })
  async evidence(
    @Root() { id }: EventSource,
    @Ctx() context: Context,
    @Arg('first', () => Int, { defaultValue: 20 }) first: number,
  ): Promise<EntrySource[]> {
    const size = pageSize(first, EVIDENCE_MAX);
    const { tenantId } = caller(context);
    return (await readSnapshot(context, (tx) => readEvidence(tx, tenantId, id, size))).map(logEntryOf);
  }

  @Authorized(READERS)
  @FieldResolver(() => AlertEvent, { nullable: true, description: 'Of a recovery: the event that it ends.' })
  async startedBy(@Root() event: EventSource, @Ctx() context: Context): Promise<AlertEvent | null> {
    const { tenantId } = caller(context);
    const { startedBy } = event;
    if (startedBy === null) return null;
    const row = await readSnapshot(context, ({ sql }) => readAlertEvent(sql, tenantId, startedBy));
    return row ? alertEventOf(row) : null;
  }

  @Authorized(MANAGERS)
  @Mutation(() => AlertRule)
  async createAlertRule(
    @Ctx() context: Context,
    @Arg('input', () => AlertRuleInput) input: AlertRuleInput,
  ): Promise<AlertRule> {
    const identity = caller(context);
    const created = await context.services.rules.create(identity.tenantId, ruleOf(input), auditOf(identity));
    return alertRuleOf(created);
  }

  @Authorized(MANAGERS)
  @Mutation(() => AlertRule, {
    description: 'What fires is CLOSED, unless only name, severity, or how it is told change.',
  })
  async updateAlertRule(
    @Ctx() context: Context,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => AlertRulePatch) input: AlertRulePatch,
  ): Promise<AlertRule> {
    const identity = caller(context);
    return alertRuleOf(await context.services.rules.update(identity.tenantId, id, changeOf(input), auditOf(identity)));
  }

  @Authorized(MANAGERS)
  @Mutation(() => AlertRule)
  async silenceAlertRule(
    @Ctx() context: Context,
    @Arg('id', () => ID) id: string,
    @Arg('until', () => GraphQLDateTime, { nullable: true }) until: Date | null,
  ): Promise<AlertRule> {
    const identity = caller(context);
    return alertRuleOf(await context.services.rules.silence(identity.tenantId, id, until ?? null, auditOf(identity)));
  }

  @Authorized(MANAGERS)
  @Mutation(() => AlertEvent)
  async acknowledgeAlert(@Ctx() context: Context, @Arg('eventId', () => ID) eventId: string): Promise<AlertEvent> {
    const identity = caller(context);
    const { tenantId } = identity;
    return context.services.db.inTenants([tenantId], async (tx) => {
      const event = isUuid(eventId) ? await acknowledge(tx.sql, tenantId, eventId) : undefined;
      if (event === undefined) throw notFound('Alert event');
      await auditOf(identity)(tx, { action: 'ALERT_ACKNOWLEDGED', subjectId: eventId, subject: event.ruleName });
      return alertEventOf(event);
    });
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean)
  async deleteAlertRule(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    const identity = caller(context);
    await context.services.rules.delete(identity.tenantId, id, auditOf(identity));
    return true;
  }
}

@Resolver(() => PreviewedAlert)
export class PreviewedAlertResolver {
  @Authorized(READERS)
  @FieldResolver(() => Agent)
  async agent(@Root() { agentId }: PreviewedAlertSource, @Ctx() context: Context): Promise<Agent> {
    return (await agentOf(context, agentId))!;
  }
}

function ruleOf({
  window,
  recoveryThreshold,
  noDataAfter,
  remindEvery,
  filter,
  ...rule
}: AlertRuleInput): Required<RuleChange> {
  const empty = {
    recoveryThreshold: recoveryThreshold ?? null,
    noDataAfter: noDataAfter ?? null,
    remindEvery: remindEvery ?? null,
  };
  return { ...rule, ...empty, windowSeconds: window, filter: filterOf(filter) };
}

/** Conditions that are given, in one order; null where there is none: all entries count. */
function filterOf(filter: LogFilterInput | null | undefined): LogFilter | null {
  const given = FILTER_KEYS.flatMap((key) => (filter?.[key] == null ? [] : [[key, filter[key]] as const]));
  return given.length === 0 ? null : (Object.fromEntries(given) as LogFilter);
}

/** Null clears, absent leaves: what cannot be empty cannot be cleared. */
function changeOf({
  window,
  recoveryThreshold,
  noDataAfter,
  remindEvery,
  agentIds,
  channelIds,
  filter,
  ...patch
}: AlertRulePatch): RuleChange {
  return {
    ...givenOf({ ...patch, windowSeconds: window }),
    ...(agentIds === undefined ? {} : { agentIds: agentIds ?? [] }),
    ...(channelIds === undefined ? {} : { channelIds: channelIds ?? [] }),
    ...(recoveryThreshold === undefined ? {} : { recoveryThreshold }),
    ...(noDataAfter === undefined ? {} : { noDataAfter }),
    ...(remindEvery === undefined ? {} : { remindEvery }),
    ...(filter === undefined ? {} : { filter: filterOf(filter) }),
  };
}
