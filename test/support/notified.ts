import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { batchOf } from '../../schema/log-batch-builder.js';
import { endAlerts } from './end-alerts.js';
import { entry } from './entries.js';
import { type HttpReceiver, type MailServer, startHttpReceiver, startMailServer } from './receivers.js';
import { startTestServer, type TestServer, until } from './server.js';

/* A server that tells people of alerts, those whom it tells, and the traffic that they are of. */

export let server: TestServer;
export let mail: MailServer;
export let hook: HttpReceiver;

/** One of each for a test file; between its tests no rule is on, and nothing is due. */
export function serveNotified(): void {
  beforeAll(async () => {
    mail = await startMailServer();
    hook = await startHttpReceiver();
    server = await startTestServer({ notify: { smtpUrl: mail.url } });
  });
  afterEach(async () => {
    await endAlerts(server);
    hook.received.length = 0;
    hook.answer = (response) => response.end();
    mail.mails.length = 0;
  });
  afterAll(async () => {
    await server.close();
    await mail.close();
    await hook.close();
  });
}

/** The data of an answer without errors. */
export async function done(query: string, variables?: object) {
  const { data, errors } = await server.gql(query, variables);
  expect(errors).toBeUndefined();
  return data;
}

/** Makes one; returns its id. */
export async function channel(kind: string, target: string, secret?: string): Promise<string> {
  const { createNotificationChannel } = await done(
    'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id } }',
    { input: { name: `${kind} channel`, kind, target, secret } },
  );
  return createNotificationChannel.id;
}

/** Makes one of two hits a second over ten seconds; returns its id. */
export async function rule(name: string, channelIds: string[]): Promise<string> {
  const { createAlertRule } = await done(
    'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }',
    { input: { name, threshold: 2, window: 'PT10S', severity: 'CRITICAL', channelIds } },
  );
  return createAlertRule.id;
}

let agents = 0;

/** An agent of its own, whose traffic of so many seconds ago bursts, so that a rule of two hits a second fires. */
export class Traffic {
  readonly name = `web-${agents++}`;
  readonly at: number;
  constructor(secondsAgo = 60) {
    this.at = Date.now() - secondsAgo * 1_000;
  }

  async send(offsetsMs: number[]): Promise<void> {
    const entries = offsetsMs.map((offset) => entry({ timeMs: this.at + offset, target: '/<secret>?token=hidden' }));
    await done('mutation ($input: IngestLogsInput!) { ingestLogs(input: $input) { accepted } }', {
      input: { agent: this.name, batch: batchOf(entries) },
    });
  }

  burst(): Promise<void> {
    return this.send([0, ...Array.from({ length: 40 }, (_, i) => 1_000 + i * 10), 9_000]);
  }

  /** Fires again after `calm`. */
  burstAgain(): Promise<void> {
    return this.send([50_000, ...Array.from({ length: 40 }, (_, i) => 51_000 + i * 10), 59_000]);
  }

  calm(): Promise<void> {
    return this.send([40_000]);
  }

  /** Recovers after `burstAgain`, so that it is calm for the rules of other tests. */
  async calmAgain(): Promise<void> {
    await this.send([100_000]);
    await until(async () => (await events(this.name)).length === 4, 30_000, 'the second recovery');
  }
}

/** Of an agent, in the order recorded. */
export const events = async (agent: string) => {
  const { alertEvents } = await done(
    `{ alertEvents(first: 100, newestFirst: false) { nodes {
      id type agentName message acknowledgedAt notifications { status attempts lastError sentAt channel { name } } } } }`,
  );
  return alertEvents.nodes.filter(({ agentName }: { agentName: string }) => agentName === agent);
};
