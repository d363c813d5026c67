import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { endAlerts } from './end-alerts.js';
import { type HttpReceiver, startHttpReceiver } from './receivers.js';
import { startTestServer, type TestServer, until } from './server.js';
import { createRule, nowSecond, openSource, type Source } from './sources.js';
import { ownerSql } from './tenants.js';

/** An agent, and a rule over it alone. */
export interface Case {
  source: Source;
  rule: string;
  /** Of the rule. */
  name: string;
  /** Its first second. */
  at: number;
}

/** What is otherwise of a rule; how long ago its first second was. */
export type CaseInput = { secondsAgo?: number } & Record<string, unknown>;

/** A webhook's body, as far as tests look at it. */
interface Body {
  id: string;
  kind: string;
  rule: string;
  text: string;
  events: { id: string; type: string; at: string; since: string | null; value: number; message: string }[];
}

export const IN_AN_HOUR = () => new Date(Date.now() + 3_600_000).toISOString();

/** Someone who is told of alerts over a webhook, and rules that tell him. */
export class Told {
  private cases = 0;

  constructor(
    private readonly server: TestServer,
    readonly hook: HttpReceiver,
    private readonly channelId: string,
  ) {}

  /** What he was told so far, in order. */
  bodies(): Body[] {
    return this.hook.received.map(({ body }) => JSON.parse(body));
  }

  kinds(): string[] {
    return this.bodies().map(({ kind }) => kind);
  }

  heard(count: number): Promise<void> {
    return until(() => this.hook.received.length >= count, 30_000, `${count} messages`);
  }

  /** Nothing is left to be told of a rule, but that it has settled. */
  silent(rule: string): Promise<void> {
    const left = `SELECT FROM notification WHERE rule_id = $1 AND due_at IS NOT NULL AND type <> 'SETTLED'`;
    return until(async () => (await ownerSql(this.server, left, [rule])).length === 0, 30_000, 'all to be told');
  }

  /** Ends all rules, and what is left of them to be told. */
  async forget(): Promise<void> {
    await endAlerts(this.server);
    this.hook.received.length = 0;
    this.hook.answer = (response) => response.end();
  }

  close(): Promise<void> {
    return this.hook.close();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the shape is the query's, which each test knows.
  async done(query: string, variables?: object): Promise<any> {
    const { data, errors } = await this.server.gql(query, variables);
    expect(errors).toBeUndefined();
    return data;
  }

  /** An agent and a rule, which fires in each second of more than one hit, and recovers in each other. */
  async begin(input: CaseInput = {}): Promise<Case> {
    const { secondsAgo = 300, ...rule } = input;
    const number = ++this.cases;
    const source = await openSource(this.server, `web-${number}`);
    const at = nowSecond() - secondsAgo;
    await source.send({ at: at - 1, hits: 1 });
    const name = `rule ${number}`;
    const about = { name, threshold: 1, window: 'PT1S', agentIds: [await source.id()], channelIds: [this.channelId] };
    return { source, rule: await createRule(this.server, { ...about, ...rule }), name, at };
  }

  /** Fires at `offset`, and goes on for ten seconds. */
  async fire({ source, at }: Case, offset: number): Promise<void> {
    await source.send(...Array.from({ length: 10 }, (_, i) => ({ at: at + offset + i, hits: 2 + i })));
  }

  async silence(id: string, until: string | null): Promise<void> {
    await this.done('mutation ($id: ID!, $until: DateTime) { silenceAlertRule(id: $id, until: $until) { id } }', {
      id,
      until,
    });
  }
}

async function startTold(): Promise<Told> {
  const hook = await startHttpReceiver();
  const { data } = await server.gql(
    'mutation ($input: NotificationChannelInput!) { createNotificationChannel(input: $input) { id } }',
    { input: { name: 'hook', kind: 'WEBHOOK', target: hook.url } },
  );
  return new Told(server, hook, data.createNotificationChannel.id);
}

export let server: TestServer;
export let told: Told;

/** One of each for a test file; between its tests no rule is on, and nothing is due. */
export function serveTold(): void {
  beforeAll(async () => {
    server = await startTestServer();
    told = await startTold();
  }, 60_000);
  afterEach(() => told.forget());
  afterAll(async () => {
    await server.close();
    await told.close();
  });
}
