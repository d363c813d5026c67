// Goal: a server that ends while the database is away for a moment notes what it has sent: it is not sent again.
// Method: the real outbox; a notifier that sends while the courier is stopped, after which transactions fail for a while.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Courier } from '../../server/notify/courier.js';
import type { Attempt } from '../../server/notify/notifiers.js';
import type { Database } from '../../server/store/database.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

let statistics: Statistics;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());

const recovering = () => Object.assign(new Error('the database system is in recovery mode'), { code: '57P03' });

/** Sends a message that is due, and stops meanwhile; the transactions after that fail so often. Returns what is stored. */
async function endWhileSending(failing: number): Promise<{ status: string; failed: number }> {
  const { db } = statistics;
  const tenantId = await statistics.newTenant();
  const [{ id: channelId }] = await db.ownerSql<{ id: string }>(
    `INSERT INTO notification_channel (tenant_id, id, name, kind, target)
     VALUES ($1, gen_random_uuid(), 'web', 'WEBHOOK', 'http://example.com') RETURNING id`,
    [tenantId],
  );
  await db.ownerSql(
    `INSERT INTO notification (tenant_id, channel_id, type, due_at) VALUES ($1, $2, 'TEST', clock_timestamp())`,
    [tenantId, channelId],
  );

  let sent = (_: Attempt) => {};
  const isSending = { now: false };
  const notifier = {
    send: () => {
      isSending.now = true;
      return new Promise<Attempt>((resolve) => {
        sent = resolve;
      });
    },
  };
  let [isAway, failed] = [false, 0];
  const flaky = {
    aboveTenants: db.aboveTenants.bind(db),
    inTenants: (tenantIds, work) => {
      if (isAway && failed++ < failing) return Promise.reject(recovering());
      return db.inTenants(tenantIds, work);
    },
  } as Pick<Database, 'aboveTenants' | 'inTenants'> as Database;
  const log = pino({ level: 'silent' });
  const courier = new Courier(flaky, {
    notifiers: { EMAIL: notifier, SLACK: notifier, WEBHOOK: notifier },
    link: null,
    log,
  });
  courier.start();
  await until(() => isSending.now, 10_000, 'the attempt');
  isAway = true;
  const stopping = courier.stop();
  sent({ sent: true });
  await stopping;
  const [{ status }] = await db.ownerSql<{ status: string }>('SELECT status FROM notification WHERE tenant_id = $1', [
    tenantId,
  ]);
  return { status, failed };
}

test('what was sent is noted once the database is there again', async () => {
  expect(await endWhileSending(2)).toMatchObject({ status: 'SENT' });
});

test('a server does not wait for a database that stays away', async () => {
  const { status, failed } = await endWhileSending(Infinity);
  expect({ status, several: failed > 2 }).toEqual({ status: 'PENDING', several: true });
});
