import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { brokenForMs, isGivenUp, retryAfterMs } from '../core/notify/schedule.js';
import { isTransient } from '../errors.js';
import { Repeated, reportFailure } from '../jobs/repeated.js';
import type { Database } from '../store/database.js';
import { NotificationChannelEntity } from '../store/entities/notification-channel.entity.js';
import { existingChannel } from './channels.js';
import { compose } from './compose.js';
import { settleHeldBack } from './held-back.js';
import type { Attempt, Notifier } from './notifiers.js';
import { type Claimed, claim, insertTest, LEASE_SECONDS, type Outcome, settle } from './outbox.js';
import { type NotificationRow, readNotification } from './read.js';
import { writeReminders } from './reminders.js';

const FAILURE = 'notifications cannot be sent';
const GONE: Attempt = { sent: false, why: 'what it was about is gone', retryAfterMs: null };
/** How often is looked for what is due; an event on this server is not waited for so long. */
const LOOK_MS = 1_000;
/** Messages under way at once. */
const AT_ONCE = 4;
/** The database is away: what came of an attempt is told it again so often, until others take the attempt for lost. */
const SETTLE_AGAIN_MS = 500;
/** Of a server that ends: as long as PostgreSQL takes to be itself again after one of its processes died. */
const SETTLE_ENDING_MS = 5_000;

export interface CourierOptions {
  notifiers: Record<NotificationChannelEntity['kind'], Notifier>;
  /** Of the page that a message links to; null: the server does not know its own address. */
  link: string | null;
  log: Logger;
}

/**
 * Sends what is due of the outbox. Any number of servers may do so at once, and each may be killed at any instant: what it
 * was sending is sent again by another, under the same idempotency key.
 */
export class Courier {
  private readonly looks: Repeated;
  private readonly sending = new Set<Promise<void>>();

  constructor(
    private readonly db: Database,
    private readonly options: CourierOptions,
  ) {
    const { log } = options;
    this.looks = new Repeated(() => this.look(), {
      everyMs: LOOK_MS,
      log,
      failure: FAILURE,
    });
  }

  start(): void {
    this.looks.start();
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.looks.stop();
    await Promise.all(this.sending);
  }

  /** Sends what is due, and waits for none of it: a receiver that hangs holds up nobody else. */
  private async look(): Promise<void> {
    await this.db.aboveTenants(({ sql }) => settleHeldBack(sql));
    await this.db.aboveTenants(({ sql }) => writeReminders(sql));
    while (this.sending.size < AT_ONCE) {
      const one = this.sendAll()
        .catch((error: unknown) => reportFailure(this.options.log, error, FAILURE))
        .finally(() => this.sending.delete(one));
      this.sending.add(one);
    }
  }

  /** Sends a message of its own over a channel, and says what came of it. @throws ApiError NOT_FOUND. */
  async test(tenantId: string, channelId: string): Promise<NotificationRow> {
    const claimed = await this.db.inTenants([tenantId], async (tx) => {
      await existingChannel(tx, tenantId, channelId);
      return insertTest(tx.sql, tenantId, channelId);
    });
    const attempt = await this.attempt(claimed);
    const outcome: Outcome = attempt.sent ? { status: 'SENT' } : { status: 'FAILED', why: attempt.why };
    return this.db.inTenants([tenantId], async ({ sql }) => {
      await settle(sql, claimed, outcome);
      return readNotification(sql, tenantId, claimed.ids[0]);
    });
  }

  /** One after the other, until nothing is due. */
  private async sendAll(): Promise<void> {
    while (!this.looks.isStopped) {
      const claimed = await this.db.aboveTenants(({ sql }) => claim(sql));
      if (claimed === null) return;
      await this.send(claimed);
    }
  }

  private async send(claimed: Claimed): Promise<void> {
    const takenMs = performance.now();
    const attempt = await this.attempt(claimed);
    const outcome = outcomeOf(claimed, attempt, Date.now());
    const attemptedMs = performance.now();
    for (;;) {
      try {
        return await this.settle(claimed, attempt, outcome);
      } catch (error) {
        const isLost = performance.now() - takenMs > LEASE_SECONDS * 1_000;
        const isEnd = this.looks.isStopped && performance.now() - attemptedMs > SETTLE_ENDING_MS;
        if (isEnd || isLost || !isTransient(error)) throw error;
        await sleep(SETTLE_AGAIN_MS);
      }
    }
  }

  private settle(claimed: Claimed, attempt: Attempt, outcome: Outcome): Promise<void> {
    const { tenantId, channelId } = claimed;
    return this.db.inTenants([tenantId], async (tx) => {
      await settle(tx.sql, claimed, outcome);
      const channel = await tx.manager.findOneBy(NotificationChannelEntity, { tenantId, id: channelId });
      if (channel !== null && attempt !== GONE) await noteHealth(tx.manager, channel, attempt);
    });
  }

  private async attempt(claimed: Claimed): Promise<Attempt> {
    const { tenantId, channelId } = claimed;
    const { channel, message } = await this.db.inTenants([tenantId], async (tx) => ({
      channel: await tx.manager.findOneBy(NotificationChannelEntity, { tenantId, id: channelId }),
      message: await compose(tx, claimed, this.options.link),
    }));
    if (channel === null || message === null) return GONE;
    return this.options.notifiers[channel.kind].send(channel, message);
  }
}

function outcomeOf({ attempt: count, createdAt }: Claimed, attempt: Attempt, nowMs: number): Outcome {
  if (attempt.sent) return { status: 'SENT' };
  const { why } = attempt;
  if (attempt === GONE || isGivenUp(nowMs - createdAt.getTime())) return { status: 'FAILED', why };
  return { status: 'PENDING', why, afterMs: retryAfterMs(count, Math.random(), attempt.retryAfterMs) };
}

/** A channel that fails over and over is left alone for a while. */
async function noteHealth(
  manager: Parameters<Parameters<Database['inTenants']>[1]>[0]['manager'],
  { tenantId, id, failures }: NotificationChannelEntity,
  { sent }: Attempt,
): Promise<void> {
  if (sent && failures === 0) return;
  const now = sent ? 0 : failures + 1;
  const forMs = brokenForMs(now);
  const brokenUntil = forMs === 0 ? null : new Date(Date.now() + forMs);
  await manager.update(NotificationChannelEntity, { tenantId, id }, { failures: now, brokenUntil });
}
