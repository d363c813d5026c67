// Goal: nothing that the API takes makes it tell one tenant of another, and no role of what it may not read; what is added
// to the schema is looked at by a person, or fails here.
// Method: the schema is introspected; every root field, and every argument that names something, at any depth, is tried
// by every role with the other tenant's values and with nobody's; both have the same names, and marks in all texts.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildClientSchema, type GraphQLObjectType, type GraphQLSchema, getIntrospectionQuery } from 'graphql';
import { shapeOf, toldOf, without } from '../support/leak/compare.js';
import { ROLES, type RoleName, type Side, secretsOf, seedTenant } from '../support/leak/seed.js';
import {
  ABOVE_TENANTS,
  AGENT_MAY_READ,
  EXAMPLES,
  NESTED,
  PLAIN,
  REFERENCES,
  ROOTS,
  WRITTEN,
} from '../support/leak/table.js';
import {
  documentOf,
  type LeafPath,
  leafKeys,
  leafPaths,
  objectOf,
  objectTypes,
  type Root,
  rootsOf,
  type Slice,
  selected,
  slicesOf,
  together,
  withValue,
} from '../support/leak/walk.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let schema: GraphQLSchema;
let own: Side;
let other: Side;
let secrets: string[];
/** Requests made. */
let cases = 0;

beforeAll(async () => {
  // What is asked for here costs more than any client may ask for.
  server = await startTestServer({ limits: { cost: 1e9, costPerSecond: 1e9, operationsPerSecond: 1e6 } });
  const { data } = await server.gql(getIntrospectionQuery());
  schema = buildClientSchema(data);
  own = await seedTenant(server, 'tenant a', 'TENANT_A_MARK', 0);
  other = await seedTenant(server, 'tenant b', 'TENANT_B_MARK', 3_600_000);
  secrets = await secretsOf(server, other);
}, 120_000);
afterAll(async () => {
  console.log(`leak: ${objectTypes(schema).length} types, ${leafKeys(schema).length} arguments, ${cases} requests`);
  await server.close();
});

const roots = (): Root[] => rootsOf(schema);
const asked = () => roots().filter(({ operation }) => operation !== 'subscription');

async function valid(root: Root): Promise<Record<string, unknown>> {
  return (await ROOTS[root.key].variables?.(own)) ?? {};
}

/** Slices of a selection that go in one request: all would be more than a client would ask for at a time. */
const SLICES_AT_ONCE = 8;

function slices(root: Root): Slice[] {
  const all = slicesOf(objectOf(root.field), NESTED);
  const requests: Slice[] = [];
  for (let i = 0; i < all.length; i += SLICES_AT_ONCE) requests.push(together(all.slice(i, i + SLICES_AT_ONCE)));
  return requests;
}

/** The answer's own leaves. */
function firstSlice(root: Root): Slice {
  return slicesOf(objectOf(root.field), NESTED)[0];
}

async function ask(
  root: Root,
  slice: Slice,
  variables: object,
  role: RoleName | null,
  side: Side = own,
): Promise<Answer> {
  cases++;
  return server.gql(documentOf(root, slice.text), variables, role === null ? null : side.tokens[role]);
}

const codesOf = ({ errors }: Answer) => [...new Set(errors?.map(({ extensions }) => extensions.code))];

/** Every reference that a root field takes, with the values to try. */
function trials(root: Root): { leaf: LeafPath; foreign: string; nobodys: string | null }[] {
  const kinds = Object.values(REFERENCES);
  return leafPaths(root).flatMap((leaf) => {
    const kind = kinds.find((one) => (one.arguments as readonly string[]).includes(leaf.key));
    return kind === undefined ? [] : kind.tried(other).map((tried) => ({ leaf, ...tried }));
  });
}

test('everything in the schema was looked at, and nothing that was is gone', () => {
  expect(Object.keys(ROOTS).sort()).toEqual(
    roots()
      .map(({ key }) => key)
      .sort(),
  );
  const known = [...Object.values(REFERENCES).flatMap((kind) => [...kind.arguments]), ...WRITTEN, ...PLAIN];
  expect(known.toSorted()).toEqual(leafKeys(schema).toSorted());
  const inputs = Object.values(schema.getTypeMap()).filter((type) => 'isOneOf' in type);
  expect(Object.keys(EXAMPLES).sort()).toEqual(inputs.map(({ name }) => name).sort());
});

test('what names something is no number, and what is plain is no text', () => {
  const texts = leafKeys(schema).filter((key) => ['ID', 'String'].includes(typeOf(key)));
  const named = [...Object.values(REFERENCES).flatMap((kind) => [...kind.arguments]), ...WRITTEN];
  expect(named.toSorted()).toEqual(texts.toSorted());
});

/** Name of the scalar or enum of `Query.agents(after)` or `TimeframeInput.from`. */
function typeOf(key: string): string {
  const [, parent, name, argument] = /^(\w+)\.(\w+)(?:\((\w+)\))?$/.exec(key)!;
  const field = (schema.getType(parent) as GraphQLObjectType).getFields()[name];
  const { type } = argument === undefined ? field : field.args.find((one) => one.name === argument)!;
  return String(type).replace(/[[\]!]/g, '');
}

test('each role may what the table says, and reads its own tenant alone', async () => {
  const read = new Set<string>();
  for (const root of asked()) {
    const { roles } = ROOTS[root.key];
    for (const role of ROLES) {
      const may = roles.includes(role);
      for (const slice of may && role !== 'AGENT' ? slices(root) : [firstSlice(root)]) {
        const answer = await ask(root, slice, await valid(root), role);
        const where = `${root.key} ${slice.text} as ${role}`;
        expect([where, codesOf(answer)]).toEqual([where, may ? [] : ['FORBIDDEN']]);
        const isAbove = may && ABOVE_TENANTS.includes(root.key);
        expect([where, isAbove ? [] : toldOf(JSON.stringify(answer), secrets)]).toEqual([where, []]);
        if (may) for (const field of slice.fields) read.add(field);
      }
    }
    const nobody = await ask(root, firstSlice(root), await valid(root), null);
    expect([root.key, codesOf(nobody)]).toEqual([root.key, ['UNAUTHENTICATED']]);
    expect([root.key, nobody.data?.[root.field.name] ?? null]).toEqual([root.key, null]);
  }
  // All that can be asked was asked for: a leaf of every type, and every leaf of it.
  expect(read.size).toBeGreaterThanOrEqual(150);
});

test('the marks are there to be found: the other tenant reads its own', async () => {
  const told = new Set<string>();
  for (const root of asked().filter(({ operation }) => operation === 'query')) {
    const variables = root.key === 'Query.agent' ? { id: other.agentId } : await valid(root);
    for (const slice of slices(root)) {
      const answer = await ask(root, slice, variables, 'ADMIN', other);
      for (const secret of toldOf(JSON.stringify(answer), secrets)) told.add(secret);
    }
  }
  for (const secret of [other.mark, other.agentId, other.streamId, other.ruleId]) expect(told).toContain(secret);
});

test("another tenant's value is nobody's: NOT_FOUND, or the same answer, and never FORBIDDEN", async () => {
  let tried = 0;
  for (const root of asked()) {
    for (const role of ROOTS[root.key].roles) {
      for (const { leaf, foreign, nobodys } of trials(root)) {
        tried++;
        const asking = async (slice: Slice, value: string) =>
          ask(
            root,
            slice,
            withValue(await valid(root), leaf, value, (type) => EXAMPLES[type]),
            role,
          );
        const where = `${root.key} as ${role} with ${leaf.key} = ${foreign}`;
        const own = firstSlice(root);
        // What is told does not hang on the role, once it may: one of them is told all.
        for (const slice of role === 'ADMIN' ? [own, ...slices(root)] : [own]) {
          const answer = await asking(slice, foreign);
          expect([where, toldOf(without(answer, foreign), secrets)]).toEqual([where, []]);
          expect([where, codesOf(answer).filter((code) => code !== 'NOT_FOUND')]).toEqual([where, []]);
          if (nobodys === null) continue;
          // Asked each time, so that what the one leaves behind the other does.
          const same = await asking(slice, nobodys);
          if (slice === own) expect([where, shapeOf(answer, foreign)]).toEqual([where, shapeOf(same, nobodys)]);
        }
      }
    }
  }
  expect(tried).toBeGreaterThanOrEqual(60);
}, 120_000);

test('what was tried has changed nothing of the other tenant', async () => {
  const { data } = await other.ask(
    '{ agents { totalCount } alertRules { id enabled threshold } retention { policies { name } } }',
  );
  expect(data.agents.totalCount).toBe(2);
  expect(data.alertRules).toContainEqual({ id: other.ruleId, enabled: true, threshold: 5 });
  expect(data.retention.policies).toHaveLength(2);
});

test('the own among the foreign saves no list', async () => {
  const query = 'query ($ids: [ID!]) { logs(agentIds: $ids) { nodes { id } } }';
  const answer = await own.ask(query, { ids: [own.agentId, other.agentId] }, 'VIEWER');
  expect(codesOf(answer)).toEqual(['NOT_FOUND']);
  expect(answer.data.logs).toBe(null);
});

/** A field as an AGENT comes to it. */
interface Reached {
  key: string;
  document: string;
  variables: Record<string, unknown>;
  type: GraphQLObjectType | null;
}

/** All fields of a type, each in a document of its own. */
function reachedBelow(
  root: Root,
  type: GraphQLObjectType,
  wrap: (field: string) => string,
  variables: Record<string, unknown>,
): (Reached & { wrap: (selection: string) => string })[] {
  return Object.values(type.getFields()).map((field) => {
    const inner = objectOf(field);
    const text = selected(type.name, field, NESTED);
    const within = (selection: string) => wrap(`{ ${text} ${selection} }`);
    return {
      key: `${type.name}.${field.name}`,
      document: documentOf(root, within(inner === null ? '' : '{ __typename }')),
      variables,
      type: inner,
      wrap: within,
    };
  });
}

test("an agent's token reads what is in the list, wherever it reaches it, and nothing else", async () => {
  const seen = new Set<string>();
  for (const root of asked().filter(({ key }) => ROOTS[key].roles.includes('AGENT'))) {
    const walked = new Set<string>();
    const start = objectOf(root.field);
    let open = start === null ? [] : reachedBelow(root, start, (selection) => selection, await valid(root));
    while (open.length > 0) {
      const next: typeof open = [];
      for (const { key, document, variables, type, wrap } of open) {
        cases++;
        const answer = await server.gql(document, variables, own.tokens.AGENT);
        const may = AGENT_MAY_READ.includes(key);
        expect([document, codesOf(answer)]).toEqual([document, may ? [] : ['FORBIDDEN']]);
        seen.add(key);
        if (!may || type === null || walked.has(type.name)) continue;
        walked.add(type.name);
        next.push(...reachedBelow(root, type, wrap, variables));
      }
      open = next;
    }
  }
  // None of the list is out of reach, and some of what is not in it was refused.
  expect(AGENT_MAY_READ.filter((key) => !seen.has(key))).toEqual([]);
  expect([...seen].filter((key) => !AGENT_MAY_READ.includes(key)).sort()).toEqual([
    'Agent.retentionPolicies',
    'Agent.traffic',
    'Stream.rejections',
    'Tenant.usage',
  ]);
});
