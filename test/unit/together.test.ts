// Goal: what arrives together is done together, and one that fails fails no other.
// Method: groups that end when the test says so.
import { expect, test } from '@jest/globals';
import { ApiError, badInput } from '../../server/errors.js';
import { type Outcome, Together } from '../../server/ingest/together.js';

type Group = { requests: string[]; end: (outcomes: Outcome<string>[] | Error) => void };

function started(alone: (request: string) => Promise<string> = async (request) => `${request} alone`) {
  const groups: Group[] = [];
  const work = new Together<string, string>({
    limits: { items: 3, weight: 100, light: 10 },
    together: (requests) =>
      new Promise((resolve, reject) => {
        const end = (outcomes: Outcome<string>[] | Error) =>
          outcomes instanceof Error ? reject(outcomes) : resolve(outcomes);
        groups.push({ requests: [...requests], end });
      }),
    alone,
  });
  const requestsOf = () => groups.map(({ requests }) => requests);
  return { work, groups, requestsOf };
}

/** More than what is light. */
const LARGE = 20;

const turn = () => new Promise((resolve) => setImmediate(resolve));
const add = (work: Together<string, string>, ...keys: string[]) =>
  keys.map((key) => work.add({ tenant: 't', key: key[0] }, LARGE, key));

test('one alone goes at once; what comes while two groups are under way goes together, as many as fit', async () => {
  const { work, groups, requestsOf } = started();
  const answers = add(work, 'a', 'b', 'c', 'd', 'e', 'f');
  expect(requestsOf()).toEqual([['a'], ['b']]);
  groups[1].end(['B']);
  await turn();
  expect(requestsOf().slice(2)).toEqual([['c', 'd', 'e']]);
  groups[0].end(['A']);
  await turn();
  expect(requestsOf().slice(3)).toEqual([['f']]);
  groups[2].end(['C', badInput('no'), 'E']);
  await expect(answers[3]).rejects.toThrow('no');
  expect(await Promise.all([0, 1, 2, 4].map((i) => answers[i]))).toEqual(['A', 'B', 'C', 'E']);
});

test('what is light waits neither in the group of another tenant with much, nor for it', async () => {
  const { work, requestsOf } = started();
  const much = (tenant: string, key: string) => work.add({ tenant, key }, 50, key);
  const little = (tenant: string, key: string) => work.add({ tenant, key }, 1, key);
  void much('noisy', 'much 1');
  void much('noisy', 'much 2');
  void little('quiet', 'a');
  expect(requestsOf()).toEqual([['much 1'], ['much 2'], ['a']]);
  // While a light one is under way what comes waits, and is together then.
  void little('quiet', 'b');
  void much('noisy', 'much 3');
  void little('other', 'c');
  expect(requestsOf()).toHaveLength(3);
});

test('what is small of a tenant gathers while such of it is under way, beside what is large, and for no other tenant', async () => {
  const { work, groups, requestsOf } = started();
  const add = (tenant: string, key: string, weight = 1) => void work.add({ tenant, key }, weight, key);
  add('many', 'a');
  add('many', 'b');
  add('many', 'large', LARGE);
  expect(requestsOf()).toEqual([['a']]);
  add('other', 'x');
  expect(requestsOf()).toEqual([['a'], ['x']]);
  add('many', 'c');
  groups[1].end(['done']);
  await turn();
  expect(requestsOf()).toHaveLength(2);
  groups[0].end(['done']);
  await turn();
  expect(requestsOf().slice(2)).toEqual([['b', 'large', 'c']]);
});

test('tenants share a group up to what is light', async () => {
  const { work, groups, requestsOf } = started();
  const add = (tenant: string, key: string, weight: number) => void work.add({ tenant, key }, weight, key);
  add('first', '1', 1);
  add('second', '2', 1);
  add('noisy', 'much', 50);
  add('quiet', 'a', 1);
  add('other', 'b', 1);
  groups[0].end(['done']);
  await turn();
  groups[1].end(['done']);
  await turn();
  expect(requestsOf().slice(2)).toEqual([['much'], ['a', 'b']]);
});

test("an agent's next waits until the one before is answered, though others overtake it", async () => {
  const { work, groups, requestsOf } = started();
  const answers = add(work, 'a1', 'a2', 'b');
  expect(requestsOf()).toEqual([['a1'], ['b']]);
  groups[0].end(['done']);
  await answers[0];
  await turn();
  expect(requestsOf().slice(2)).toEqual([['a2']]);
});

test('a group that fails is done one by one, and only the guilty one fails', async () => {
  const { work, groups } = started(async (request) => {
    if (request === 'd') throw new Error('guilty');
    return `${request} alone`;
  });
  const answers = add(work, 'a', 'b', 'c', 'd', 'e');
  groups[0].end(['A']);
  await turn();
  expect(groups[2].requests).toEqual(['c', 'd', 'e']);
  groups[2].end(new Error('one of them'));
  await expect(answers[3]).rejects.toThrow('guilty');
  expect(await Promise.all([answers[2], answers[4]])).toEqual(['c alone', 'e alone']);
});

test('where the database is away all are told to come again, and none is tried', async () => {
  const { work, groups } = started(() => Promise.reject(new Error('tried')));
  const [answer] = add(work, 'a');
  groups[0].end(Object.assign(new Error('gone'), { code: '57P01' }));
  const error = await answer.catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ extensions: { code: 'RESOURCE_EXHAUSTED', retryAfterMs: expect.any(Number) } });
});

test('one whose agent another holds comes first in the next group, and after three waits alone; others do not', async () => {
  const { work, groups, requestsOf } = started();
  const answers = add(work, 'a', 'b', 'c', 'd');
  for (const place of [0, 2, 3]) {
    groups[place].end(['HELD', 'C', 'D'].slice(0, groups[place].requests.length) as Outcome<string>[]);
    await turn();
  }
  expect(requestsOf().slice(2)).toEqual([['a', 'c', 'd'], ['a']]);
  expect(await answers[0]).toBe('a alone');
});

test("a tenant's backlog holds up no other: its next is in the next group, and the next to be done alone", async () => {
  const alone: string[] = [];
  const ends: (() => void)[] = [];
  const { work, groups, requestsOf } = started((request) => {
    alone.push(request);
    return new Promise((resolve) => ends.push(() => resolve(request)));
  });
  const add = (tenant: string, name: string) => void work.add({ tenant, key: name }, LARGE, name);
  for (let i = 0; i < 20; i++) add('noisy', `n${i}`);
  add('quiet', 'q1');
  groups[0].end(['ALONE']);
  await turn();
  expect(requestsOf()[2]).toEqual(['q1']);
  for (let at = 1; at < groups.length; at++) {
    groups[at].end(groups[at].requests.map((request) => (request === 'q1' ? 'done' : 'ALONE')));
    await turn();
  }
  // Four are under way, and sixteen wait, all of one tenant.
  add('quiet', 'q2');
  groups.at(-1)!.end(['ALONE']);
  await turn();
  expect(alone).toEqual(['n0', 'n1', 'n2', 'n3']);
  ends[0]();
  await turn();
  expect(alone.slice(4)).toEqual(['q2']);
});
