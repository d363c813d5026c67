// Goal: a subscriber hears of its own tenant alone, whatever goes on in another, and however slowly it reads.
// Method: two tenants with the same names and marked texts subscribe to everything while entries and alerts come in for
// both; every subscription argument is tried with the other's values; raw sockets stall while the others are busy.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery } from 'graphql';
import { toldOf, without } from '../support/leak/compare.js';
import { INGEST, markedEntry, ROLES, SHARED_AGENT, type Side, secretsOf, seedTenant } from '../support/leak/seed.js';
import { EXAMPLES, NESTED, REFERENCES, ROOTS } from '../support/leak/table.js';
import {
  documentOf,
  leafPaths,
  objectOf,
  type Root,
  rootsOf,
  slicesOf,
  together,
  withValue,
} from '../support/leak/walk.js';
import { subscribeRaw } from '../support/raw-socket.js';
import { type Subscription, startTestServer, type TestServer, until } from '../support/server.js';

const MARKS = ['TENANT_A_MARK', 'TENANT_B_MARK'];

let server: TestServer;
let schema: GraphQLSchema;
/** Each with what must not be told to the other. */
let sides: { side: Side; secrets: string[] }[];

beforeAll(async () => {
  server = await startTestServer({ limits: { cost: 1e9, costPerSecond: 1e9 } });
  schema = buildClientSchema((await server.gql(getIntrospectionQuery())).data);
  sides = [];
  for (const [i, mark] of MARKS.entries()) {
    const side = await seedTenant(server, `tenant ${i}`, mark, i * 3_600_000);
    sides.push({ side, secrets: await secretsOf(server, side) });
  }
}, 120_000);
afterAll(() => server.close());

const subscriptions = (): Root[] => rootsOf(schema).filter(({ operation }) => operation === 'subscription');

/** Words of a document: those that it may have are fewer than twice as many tokens. */
const WORDS_MAX = 450;

/** All that it can tell, in as many documents as that takes. */
function everything(root: Root): string[] {
  const documents: string[] = [];
  let some: ReturnType<typeof slicesOf> = [];
  const all = slicesOf(objectOf(root.field), NESTED);
  all.forEach((slice, i) => {
    some.push(slice);
    const next = documentOf(root, together([...some, ...all.slice(i + 1, i + 2)]).text);
    if (i < all.length - 1 && next.split(/\s+/).length <= WORDS_MAX) return;
    documents.push(documentOf(root, together(some).text));
    some = [];
  });
  return documents;
}

function subscribe(
  root: Root,
  side: Side,
  role: (typeof ROLES)[number],
  variables: object = {},
  document = everything(root)[0],
): Subscription {
  return server.subscribe(document, variables, side.tokens[role]);
}

/** New entries of now on, and alerts that fire and recover by them. */
async function makeNews({ mark, ask }: Side, round: number): Promise<void> {
  const startMs = Math.floor(Date.now() / 1_000) * 1_000 - 300_000 + round * 60_000;
  for (const [atMs, count] of [
    [0, 100],
    [30_000, 1],
  ]) {
    const entries = Array.from({ length: count }, () => markedEntry(mark, startMs + atMs));
    const { errors } = await ask(INGEST, { input: { agent: SHARED_AGENT, entries } });
    expect(errors).toBeUndefined();
  }
}

/** Subscribes, and says what came: a message, or the code of its refusal. */
async function outcomeOf(subscription: Subscription): Promise<string> {
  try {
    const { errors } = await subscription.next(2_000);
    return errors?.[0].extensions.code ?? 'told';
  } catch (error) {
    const said = String(error);
    if (said.includes('waited')) return 'quiet';
    return /"code":"(\w+)"/.exec(said)?.[1] ?? 'closed';
  } finally {
    await subscription.close();
  }
}

test('each role may subscribe as the table says', async () => {
  const [{ side }] = sides;
  for (const root of subscriptions()) {
    for (const role of ROLES) {
      const outcome = await outcomeOf(subscribe(root, side, role));
      const allowed = root.key === 'Subscription.alertEvents' ? 'quiet' : 'told';
      const expected = ROOTS[root.key].roles.includes(role) ? allowed : 'FORBIDDEN';
      expect([root.key, role, outcome]).toEqual([root.key, role, expected]);
    }
    expect(await outcomeOf(server.subscribe(everything(root)[0], {}, 'hlm_nobodys'))).toBe('closed');
  }
}, 90_000);

test("another tenant's value is NOT_FOUND, or nobody's, also once there is news of it", async () => {
  const [{ side: own }, { side: other, secrets }] = sides;
  let tried = 0;
  for (const root of subscriptions()) {
    for (const leaf of leafPaths(root)) {
      const kind = Object.values(REFERENCES).find((one) => (one.arguments as readonly string[]).includes(leaf.key));
      for (const { foreign } of kind?.tried(other) ?? []) {
        tried++;
        const variables = withValue({}, leaf, foreign, (type) => EXAMPLES[type]);
        const subscription = subscribe(root, own, 'VIEWER', variables);
        await makeNews(other, 0);
        // What it may tell is of its own: a cursor is a number to every tenant.
        const answers = [...subscription.waiting];
        const outcome = await outcomeOf(subscription);
        expect([leaf.key, toldOf(without({ data: answers }, foreign), secrets)]).toEqual([leaf.key, []]);
        expect([leaf.key, ['NOT_FOUND', 'quiet', 'told']]).toEqual([leaf.key, expect.arrayContaining([outcome])]);
        if (leaf.key.endsWith('(agentIds)')) expect([leaf.key, outcome]).toEqual([leaf.key, 'NOT_FOUND']);
      }
    }
  }
  expect(tried).toBeGreaterThanOrEqual(4);
}, 90_000);

test('both listen to everything, and each hears its own news, never a word of the other', async () => {
  const listening = sides.map(({ side }) =>
    subscriptions().flatMap((root) => everything(root).map((document) => subscribe(root, side, 'ADMIN', {}, document))),
  );
  const heard: string[] = ['', ''];
  const take = () =>
    listening.forEach((some, i) => {
      for (const { waiting } of some)
        heard[i] += waiting
          .splice(0)
          .map((message) => `${JSON.stringify(message)}\n`)
          .join('');
    });
  await until(() => {
    take();
    return heard.every((text) => text.includes('liveWindows'));
  });
  for (let round = 1; round <= 3; round++) await Promise.all(sides.map(({ side }) => makeNews(side, round)));
  await until(() => {
    take();
    const isTailed = (text: string, i: number) => new RegExp(`"logTail".*/${sides[i].side.mark}/page`).test(text);
    return heard.every((text, i) => text.includes('RECOVERED') && text.includes('TRIGGERED') && isTailed(text, i));
  }, 20_000);
  for (const [i, { side, secrets }] of sides.entries()) {
    expect(toldOf(heard[i], secrets)).toContain(side.mark);
    expect(toldOf(heard[1 - i], secrets)).toEqual([]);
  }
  await Promise.all(listening.flat().map((subscription) => subscription.close()));
}, 60_000);

test('what waits for one who does not read is its own still', async () => {
  const root = subscriptions().find(({ key }) => key === 'Subscription.liveWindows')!;
  const raws = await Promise.all(
    sides.map(({ side }) => subscribeRaw(server.url, side.tokens.VIEWER, everything(root)[0])),
  );
  for (const raw of raws) raw.stall();
  for (let round = 0; round < 12; round++) await Promise.all(sides.map(({ side }) => makeNews(side, round % 4)));
  const read = ['', ''];
  raws.forEach(({ socket }, i) => {
    socket.on('data', (bytes: Buffer) => {
      read[i] += bytes.toString('latin1');
    });
    socket.resume();
  });
  await until(() => sides.every(({ side }, i) => read[i].split(side.mark).length > 3), 20_000, 'what waited');
  for (const [i, { secrets }] of sides.entries()) expect(toldOf(read[1 - i], secrets)).toEqual([]);
  for (const { socket } of raws) socket.destroy();
}, 60_000);
