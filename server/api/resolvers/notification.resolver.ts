import { Arg, Authorized, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import {
  NotificationChannelInput,
  NotificationChannelPatch,
  SilenceInput,
} from '../../../schema/inputs/notification.input.js';
import { AlertEvent } from '../../../schema/types/alert.type.js';
import { Notification, NotificationChannel, Silence } from '../../../schema/types/notification.type.js';
import { auditOf } from '../../accounts/index.js';
import { type ChannelChange, type NotificationRow, shownTarget } from '../../notify/index.js';
import { NotificationChannelEntity } from '../../store/entities/notification-channel.entity.js';
import { MANAGERS, READERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { givenOf } from '../given.js';
import { notificationsOf, readOnce, requestNow } from '../request.js';

type NotificationSource = Notification & Pick<NotificationRow, 'channelId'>;

function channelOf(channel: NotificationChannelEntity): NotificationChannel {
  const { id, name, kind, enabled } = channel;
  return { id, name, kind, enabled, target: shownTarget(channel) };
}

function notificationOf({
  id,
  kind,
  status,
  attempts,
  lastError,
  sentAt,
  channelId,
}: NotificationRow): NotificationSource {
  return { id, kind, status, attempts, lastError, sentAt, channelId };
}

/** Where people are told, and what came of it. */
@Resolver(() => Notification)
export class NotificationResolver {
  @Authorized(READERS)
  @Query(() => [NotificationChannel])
  async notificationChannels(@Ctx() context: Context): Promise<NotificationChannel[]> {
    return (await context.services.channels.list(caller(context).tenantId)).map(channelOf);
  }

  @Authorized(READERS)
  @FieldResolver(() => NotificationChannel, { nullable: true })
  async channel(
    @Root() { channelId }: NotificationSource,
    @Ctx() context: Context,
  ): Promise<NotificationChannel | null> {
    const channels = await readOnce(context, channelsOf);
    const channel = channels.find(({ id }) => id === channelId);
    return channel === undefined ? null : channelOf(channel);
  }

  @Authorized(MANAGERS)
  @Mutation(() => NotificationChannel)
  async createNotificationChannel(
    @Ctx() context: Context,
    @Arg('input', () => NotificationChannelInput) { name, kind, target, secret }: NotificationChannelInput,
  ): Promise<NotificationChannel> {
    const identity = caller(context);
    const input = { name, kind, target, secret: secret ?? null };
    return channelOf(await context.services.channels.create(identity.tenantId, input, auditOf(identity)));
  }

  @Authorized(MANAGERS)
  @Mutation(() => NotificationChannel)
  async updateNotificationChannel(
    @Ctx() context: Context,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => NotificationChannelPatch) { secret, ...input }: NotificationChannelPatch,
  ): Promise<NotificationChannel> {
    const change: ChannelChange = { ...givenOf(input), ...(secret === undefined ? {} : { secret }) };
    const identity = caller(context);
    return channelOf(await context.services.channels.update(identity.tenantId, id, change, auditOf(identity)));
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean)
  async deleteNotificationChannel(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    const identity = caller(context);
    await context.services.channels.delete(identity.tenantId, id, auditOf(identity));
    return true;
  }

  @Authorized(MANAGERS)
  @Mutation(() => Notification, { description: 'Sends a message at once, and says what came of it.' })
  async testNotificationChannel(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<NotificationSource> {
    return notificationOf(await context.services.courier.test(caller(context).tenantId, id));
  }
}

/** When nobody is told. */
@Resolver()
export class SilenceResolver {
  @Authorized(READERS)
  @Query(() => [Silence], { description: 'Those that have not ended.' })
  silences(@Ctx() context: Context): Promise<Silence[]> {
    return context.services.silences.list(caller(context).tenantId);
  }

  @Authorized(MANAGERS)
  @Mutation(() => Silence, {
    description: 'From now on, or ahead, for maintenance. When it ends, what still fires is told.',
  })
  async createSilence(
    @Ctx() context: Context,
    @Arg('input', () => SilenceInput) { from, ...input }: SilenceInput,
  ): Promise<Silence> {
    const identity = caller(context);
    const begun = from ?? new Date(await requestNow(context));
    return context.services.silences.create(identity.tenantId, { ...input, from: begun }, auditOf(identity));
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean)
  async deleteSilence(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    const identity = caller(context);
    await context.services.silences.delete(identity.tenantId, id, auditOf(identity));
    return true;
  }
}

const channelsOf: Parameters<typeof readOnce<NotificationChannelEntity[]>>[1] = ({ manager }, tenantId) =>
  manager.findBy(NotificationChannelEntity, { tenantId });

@Resolver(() => AlertEvent)
export class AlertNotificationResolver {
  @Authorized(READERS)
  @FieldResolver(() => [Notification])
  async notifications(@Root() { id }: AlertEvent, @Ctx() context: Context): Promise<NotificationSource[]> {
    return (await notificationsOf(context, id)).map(notificationOf);
  }
}
