// Goal: a window's revision grows whenever its numbers change, and never goes back: by batches, late entries, deletions,
// agents that go and come again; of one agent and of all, asked for and told live.
// Method: random histories on the real server; after each step every window against the last time that it was seen.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ingest, line } from '../support/ingest.js';
import { startTestServer, type TestServer, until } from '../support/server.js';
import { makeTenant, makeToken, ownerSql } from '../support/tenants.js';

const BASE = Date.UTC(2026, 0, 31, 23, 59);
const SPAN = `timeframe: { from: "${iso(0)}", to: "${iso(180)}" }`;
const WINDOW = 'start revision stats { hits }';
const SERIES = `traffic(${SPAN}) { tens: windows(step: "PT10S") { ${WINDOW} }
  minutes: windows(step: "PT1M") { ${WINDOW} } whole: windows(step: "P1D") { ${WINDOW} } }`;
const QUERY = `{ ${SERIES} agents { nodes { id name ${SERIES} } } }`;
const LIVE = `subscription { liveWindows { agent { name } windows { ${WINDOW} } } }`;

function iso(seconds: number): string {
  return new Date(BASE + seconds * 1_000).toISOString();
}

interface Seen {
  start: string;
  revision: number;
  stats: { hits: number };
}

/** Windows as they were seen last; what goes back, or changes without a higher revision, is noted. */
class Sightings {
  private readonly last = new Map<string, Seen>();
  readonly wrong: string[] = [];

  see(of: string, windows: readonly Seen[]): void {
    for (const window of windows) {
      const key = `${of} ${window.start}`;
      const before = this.last.get(key);
      this.last.set(key, window);
      if (before === undefined) continue;
      const changed = before.stats.hits !== window.stats.hits;
      if (window.revision < before.revision || (changed && window.revision === before.revision))
        this.wrong.push(`${key}: ${JSON.stringify([before, window])}`);
    }
  }
}

const AGENTS = ['first', 'second', 'third'];
const steps = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      agent: fc.constantFrom(...AGENTS),
      seconds: fc.array(fc.nat({ max: 179 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      agent: fc.option(fc.constantFrom(...AGENTS)),
      from: fc.nat({ max: 17 }),
      length: fc.integer({ min: 1, max: 18 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('delete agent' as const), agent: fc.constantFrom(...AGENTS) }),
  },
);
type Step = typeof steps extends fc.Arbitrary<infer Value> ? Value : never;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

class History {
  readonly seen = new Sightings();
  private readonly ids = new Map<string, string>();

  constructor(
    readonly token: string,
    private readonly tenantId: string,
  ) {}

  static async begin(): Promise<History> {
    const tenantId = await makeTenant(server, `tenant ${Math.random()}`);
    return new History(await makeToken(server, { tenantId, role: 'OPERATOR' }), tenantId);
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'append') {
      const entries = step.seconds.map((second) => line(BASE + second * 1_000));
      const { agent } = await ingest(server, { agent: step.agent, entries }, this.token);
      this.ids.set(step.agent, agent.id);
      return;
    }
    const id = step.agent === null ? null : this.ids.get(step.agent);
    if (id === undefined) return;
    if (step.kind === 'delete agent') {
      await server.gql('mutation ($id: ID!) { deleteAgent(id: $id) }', { id }, this.token);
      return;
    }
    const timeframes = [{ from: iso(step.from * 10), to: iso((step.from + step.length) * 10) }];
    const input = { timeframes, agentIds: id === null ? null : [id] };
    await server.gql(
      'mutation ($input: DeleteTrafficInput!) { deleteTraffic(input: $input) { hits } }',
      { input },
      this.token,
    );
  }

  async look(): Promise<void> {
    const { data, errors } = await server.gql(QUERY, {}, this.token);
    expect(errors).toBeUndefined();
    for (const { name, traffic } of [{ name: 'all', traffic: data.traffic }, ...data.agents.nodes])
      for (const [width, windows] of Object.entries(traffic)) this.seen.see(`${name} ${width}`, windows as Seen[]);
    const live = server.subscribe(LIVE, {}, this.token);
    for (const { agent, windows } of (await live.next()).data.liveWindows) this.seen.see(`${agent.name} tens`, windows);
    await live.close();
  }

  /** Rollups are due at once, and done soon, beside all else. */
  async quieten(): Promise<void> {
    await ownerSql(server, "UPDATE rollup_mark SET marked_at = now() - interval '1 day' WHERE tenant_id = $1", [
      this.tenantId,
    ]);
  }
}

test('random histories', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 6, maxLength: 12 }), async (list) => {
      const history = await History.begin();
      const live = server.subscribe(LIVE, {}, history.token);
      await live.next();
      for (const step of list) {
        await history.take(step);
        await history.look();
        await history.quieten();
      }
      await history.take({ kind: 'append', agent: 'last', seconds: [179] });
      const told = new Sightings();
      const isLast = ({ agent }: { agent: { name: string } }) => agent.name === 'last';
      await until(() => live.waiting.some(({ data }) => data.liveWindows.some(isLast)), 10_000, 'the last change');
      for (const { data } of live.waiting)
        for (const { agent, windows } of data.liveWindows) told.see(agent.name, windows);
      await live.close();
      expect([...history.seen.wrong, ...told.wrong]).toEqual([]);
    }),
    { numRuns: Number(process.env.HLM_RUNS ?? 4), endOnFailure: process.env.HLM_RUNS !== undefined },
  );
}, 120_000);
