// Goal: the more agents are decided all the time, the less often each is, together, and never later than promised.
// Method: the pace alone, on times that are given.
import { expect, test } from '@jest/globals';
import { EvaluationPace, evaluationIntervalMs, PASSES_AN_INTERVAL } from '../../server/core/alerts/pace.js';

/** Of so many agents, decided one after the other within a second from `fromMs` on. */
function paceOf(agents: number, fromMs: number): EvaluationPace {
  const pace = new EvaluationPace();
  for (let i = 0; i < agents; i++) pace.decided(`agent ${i}`, fromMs + (i / agents) * 1_000);
  return pace;
}

test('the interval grows with the agents, up to a second and a half', () => {
  expect([0, 100, 500, 1_000, 50_000].map(evaluationIntervalMs)).toEqual([0, 150, 750, 1_500, 1_500]);
});

test('where there is nobody else, an agent is decided when it asks to be', () => {
  const pace = new EvaluationPace();
  expect(pace.next('agent', 12_345)).toBe(12_345);
  pace.decided('agent', 12_345);
  expect(pace.next('agent', 12_345 + 250)).toBeLessThan(12_345 + 255);
});

test('one of many is decided again after the interval, however often it asks', () => {
  const pace = paceOf(1_000, 9_000);
  pace.decided('agent 7', 10_000);
  for (const askedAtMs of [10_001, 10_300, 11_499]) expect(pace.next('agent 7', askedAtMs)).toBe(11_500);
  expect(pace.next('agent 7', 20_001)).toBe(20_250);
});

test('what a pass decides late is not due later for it', () => {
  const pace = paceOf(1_000, 9_000);
  pace.decided('agent 7', 10_049);
  pace.decided('agent 8', 10_201);
  expect([pace.next('agent 7', 10_300), pace.next('agent 8', 10_300)]).toEqual([11_500, 11_500]);
});

test('many agents that ask at any time are due in few passes', () => {
  const pace = paceOf(1_000, 9_000);
  const due = Array.from({ length: 1_000 }, (_, i) => pace.next(`agent ${i}`, 10_000 + i * 1.499));
  expect(new Set(due).size).toBeLessThanOrEqual(2 * PASSES_AN_INTERVAL);
});

test('who rests, or was not heard of for long, is none of many', () => {
  const pace = paceOf(1_000, 9_000);
  for (let i = 1; i < 1_000; i++) pace.forget(`agent ${i}`);
  expect(pace.next('agent 0', 10_000)).toBeLessThan(10_002);
  const old = paceOf(1_000, 9_000);
  old.decided('another', 30_000);
  expect(old.next('another', 30_250)).toBeLessThan(30_252);
});
