// Goal: a recovery comes after traffic stops, and never because an agent died.
// Method: ten minutes of one agent, second by second on the wall; at each message the rule is decided up to the clock.
import { expect, test } from '@jest/globals';
import {
  type AlertState,
  decideAlert,
  type RuleSpec,
  type SecondCounts,
  type Transition,
} from '../../server/core/alerts/decide.js';
import { alertClockMs, decidableUntil, nextClockChange, type StreamClockInput } from '../../server/core/time/clock.js';

const START = 1_700_000_000;
const RULE: RuleSpec = {
  metric: 'HITS_PER_SECOND',
  windowSeconds: 120,
  comparison: 'GREATER_THAN',
  threshold: 10,
  recoveryThreshold: null,
  minHits: 0,
};

/** Traffic of 20 hits a second for `trafficSeconds`, each second sent a second later; transitions with wall seconds. */
function run(source: 'agent' | 'script', trafficSeconds: number, diesAt = Number.POSITIVE_INFINITY) {
  const counts: SecondCounts[] = [];
  const told: (Transition & { wall: number })[] = [];
  let state: AlertState = { firing: false, decidedUntil: null, value: null };
  const stream: StreamClockInput = {
    newestEventMs: null,
    lastBatchAtMs: null,
    caughtUpAtMs: null,
    lastHeartbeatAtMs: null,
    everHeartbeat: source === 'agent',
    catchingUp: false,
    closed: false,
  };
  for (let wall = 1; wall <= 600; wall++) {
    const nowMs = (START + wall) * 1000;
    if (wall <= trafficSeconds && wall < diesAt) {
      counts.push({ second: START + wall - 1, hits: 20, bytes: 0, clientErrors: 0, serverErrors: 0 });
      stream.newestEventMs = nowMs - 1000;
      stream.lastBatchAtMs = nowMs;
    } else if (source === 'agent' && wall % 5 === 0 && wall < diesAt) {
      stream.caughtUpAtMs = nowMs;
      stream.lastHeartbeatAtMs = nowMs;
    }
    const until = decidableUntil(alertClockMs([stream], nowMs)!);
    const decision = decideAlert(RULE, state, counts, { firstEventSecond: START, until });
    state = decision.state;
    told.push(...decision.transitions.map((transition) => ({ ...transition, at: transition.at - START, wall })));
    expect(nextClockChange([stream], nowMs) === null).toBe(source === 'agent');
  }
  return told;
}

const TRIGGERED = { type: 'TRIGGERED', at: 60, value: 1220 / 120, wall: 67 };
// The last second with traffic is 199; at 259 half of the window is quiet.
const RECOVERED = { type: 'RECOVERED', at: 259, value: 10 };

test('a quiet agent recovers at the right second, with its next heartbeat', () => {
  expect(run('agent', 200)).toEqual([TRIGGERED, { ...RECOVERED, wall: 270 }]);
});

test('a script recovers too, without a message', () => {
  expect(run('script', 200)).toEqual([TRIGGERED, { ...RECOVERED, wall: 266 }]);
});

test.each([150, 201, 255])('an agent that dies at %d does not recover', (diesAt) => {
  expect(run('agent', 200, diesAt)).toEqual([TRIGGERED]);
});
