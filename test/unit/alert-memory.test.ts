// Goal: what is remembered of agents is bounded, and who was decided lately stays.
// Method: the memory alone, with room for a few numbers.
import { expect, test } from '@jest/globals';
import { AlertMemory, type Remembered } from '../../server/alerts/memory.js';
import { SecondSeries } from '../../server/core/alerts/second-series.js';
import type { EvaluatedAgentRow } from '../../server/store/sql/agent.sql.js';

const SECONDS = 100;

function remembered(seconds = SECONDS): Remembered {
  const series = new SecondSeries();
  const counts = Array.from({ length: seconds }, (_, second) => ({
    second,
    hits: 1,
    bytes: 1,
    clientErrors: 0,
    serverErrors: 0,
  }));
  series.replace(0, seconds, counts);
  const looksAt = { traffic: true, ruleIds: [] };
  const sources = new Map([['', series]]);
  return { alertRevision: 1, rulesStamp: '', rules: [], revision: 5, sources, looksAt, firstEventMs: 0 };
}

const sizeOf = ({ sources }: Remembered) => sources.get('')!.size;
const agent = (id: string, deletedRevision = 0) => ({ id, deletedRevision }) as EvaluatedAgentRow;

test('the agent that was not decided for longest is forgotten first', () => {
  const memory = new AlertMemory(3 * sizeOf(remembered()));
  for (const id of ['a', 'b', 'c']) memory.keep(id, remembered());
  memory.keep('a', memory.recall(agent('a'))!);
  memory.keep('d', remembered());
  expect(['a', 'b', 'c', 'd'].filter((id) => memory.recall(agent(id)) !== null)).toEqual(['a', 'c', 'd']);
});

test('what takes another place of the same agent counts once', () => {
  const memory = new AlertMemory(2 * sizeOf(remembered()));
  memory.keep('a', remembered());
  for (let i = 0; i < 10; i++) memory.keep('b', remembered());
  expect(memory.recall(agent('a'))).not.toBeNull();
});

test('an agent of more than half of all that fits is not kept, and drives out none', () => {
  const memory = new AlertMemory(3 * sizeOf(remembered()));
  memory.keep('a', remembered());
  memory.keep('great', remembered(10 * SECONDS));
  expect([memory.recall(agent('great')), memory.recall(agent('a')) === null]).toEqual([null, false]);
});

test('what is recalled is taken out, and what is older than a deletion is not recalled', () => {
  const memory = new AlertMemory();
  memory.keep('a', remembered());
  expect(memory.recall(agent('a', 5))).not.toBeNull();
  expect(memory.recall(agent('a', 5))).toBeNull();
  memory.keep('a', remembered());
  expect(memory.recall(agent('a', 6))).toBeNull();
});
