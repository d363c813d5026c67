import { randomUUID } from 'node:crypto';
import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { emailProblem, nameProblem } from '../core/accounts/names.js';
import { badInput } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { NotificationChannelEntity } from '../store/entities/notification-channel.entity.js';
import { existing } from '../store/rows.js';
import type { NotifierSettings } from './notifiers.js';

export interface NewChannel {
  name: string;
  kind: NotificationChannelEntity['kind'];
  target: string;
  secret: string | null;
}

export type ChannelChange = Partial<Pick<NotificationChannelEntity, 'name' | 'target' | 'secret' | 'enabled'>>;

const TEXT_MAX = 2_000;
const SLACK_HOST = 'hooks.slack.com';

/** Where a tenant's people are told. */
export class Channels {
  constructor(
    private readonly db: Database,
    private readonly settings: NotifierSettings,
  ) {}

  list(tenantId: string): Promise<NotificationChannelEntity[]> {
    return this.db.inTenants([tenantId], ({ manager }) =>
      manager.find(NotificationChannelEntity, { where: { tenantId }, order: { createdAt: 'ASC', id: 'ASC' } }),
    );
  }

  /** @throws ApiError BAD_USER_INPUT naming what is wrong. */
  create(tenantId: string, input: NewChannel, audit: Audit = unrecorded): Promise<NotificationChannelEntity> {
    this.check(input);
    return this.db.inTenants([tenantId], async (tx) => {
      const id = randomUUID();
      await tx.manager.insert(NotificationChannelEntity, { ...input, tenantId, id });
      await audit(tx, {
        action: 'CHANNEL_CREATED',
        subjectId: id,
        subject: input.name,
        changes: changesBetween({}, { kind: input.kind, target: shownTarget(input) }),
      });
      return existingChannel(tx, tenantId, id);
    });
  }

  /** Throws as `create` does, and NOT_FOUND. */
  update(
    tenantId: string,
    id: string,
    change: ChannelChange,
    audit: Audit = unrecorded,
  ): Promise<NotificationChannelEntity> {
    return this.db.inTenants([tenantId], async (tx) => {
      const before = await existingChannel(tx, tenantId, id);
      const after = { ...before, ...change };
      this.check(after);
      // What was broken may have been mended by this.
      const set = { name: after.name, target: after.target, secret: after.secret, enabled: after.enabled };
      await tx.manager.update(NotificationChannelEntity, { tenantId, id }, { ...set, failures: 0, brokenUntil: null });
      const changes = changesBetween(shownChannel(before), shownChannel(after));
      await audit(tx, { action: 'CHANNEL_UPDATED', subjectId: id, subject: before.name, changes });
      return existingChannel(tx, tenantId, id);
    });
  }

  /** Rules that named it do so no longer; what was not sent is not sent any more. Throws NOT_FOUND. */
  delete(tenantId: string, id: string, audit: Audit = unrecorded): Promise<void> {
    return this.db.inTenants([tenantId], async (tx) => {
      const { name } = await existingChannel(tx, tenantId, id);
      await tx.sql('UPDATE alert_rule SET channel_ids = array_remove(channel_ids, $2) WHERE tenant_id = $1', [
        tenantId,
        id,
      ]);
      await tx.sql(
        `UPDATE notification SET status = 'FAILED', due_at = NULL, last_error = 'the channel was deleted'
         WHERE tenant_id = $1 AND channel_id = $2 AND due_at IS NOT NULL`,
        [tenantId, id],
      );
      await audit(tx, { action: 'CHANNEL_DELETED', subjectId: id, subject: name });
      await tx.manager.delete(NotificationChannelEntity, { tenantId, id });
    });
  }

  private check({ name, kind, target, secret }: NewChannel): void {
    const problem = nameProblem('name', name);
    if (problem !== null) throw badInput(problem);
    if (target.length > TEXT_MAX || (secret?.length ?? 0) > TEXT_MAX)
      throw badInput(`target and secret have at most ${TEXT_MAX} characters.`);
    if (secret !== null && (kind !== 'WEBHOOK' || secret === ''))
      throw badInput('secret signs webhooks, and has at least one character.');
    if (kind !== 'EMAIL') this.checkUrl(kind, target);
    else this.checkAddress(target);
  }

  private checkAddress(target: string): void {
    if (emailProblem(target) !== null) throw badInput('target must be one e-mail address, such as ops@example.com.');
    if (this.settings.smtpUrl === null) throw badInput('The server has no mail server (HLM_SMTP_URL).');
  }

  private checkUrl(kind: 'SLACK' | 'WEBHOOK', target: string): void {
    const url = URL.canParse(target) ? new URL(target) : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
      throw badInput('target must be an http or https address, without user and password.');
    if (kind === 'SLACK' && !this.settings.allowPrivate && (url.hostname !== SLACK_HOST || url.protocol !== 'https:'))
      throw badInput(`target of SLACK is an incoming webhook: https://${SLACK_HOST}/services/…`);
  }
}

/** @throws ApiError NOT_FOUND. */
export function existingChannel(
  { manager }: Pick<Transaction, 'manager'>,
  tenantId: string,
  id: string,
): Promise<NotificationChannelEntity> {
  return existing(manager, NotificationChannelEntity, { tenantId, id }, 'Notification channel');
}

/** Where to, without what makes it a secret: a Slack webhook's path, what follows a `?`. */
export function shownTarget({ kind, target }: Pick<NotificationChannelEntity, 'kind' | 'target'>): string {
  if (kind === 'EMAIL') return target;
  const { origin, pathname, search } = new URL(target);
  return kind === 'SLACK' ? `${origin}/…` : `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** As the audit log tells it. */
function shownChannel(channel: NotificationChannelEntity) {
  const { name, enabled, secret } = channel;
  return { name, enabled, target: shownTarget(channel), secret: secret === null ? null : 'set' };
}
