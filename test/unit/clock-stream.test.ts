// Goal: event time moves by what is known, never by an agent's silence.
// Method: the definitions as tables (times in seconds after an arbitrary start), then laws over random streams.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ALLOWED_LATENESS_MS,
  agentHasEnded,
  agentWatermarkMs,
  alertClockMs,
  decidableUntil,
  EVALUATION_DELAY_MS,
  heldStreams,
  nextClockChange,
  type StreamClockInput,
  streamIsIdle,
  streamTimeMs,
} from '../../server/core/time/clock.js';

const START_MS = Date.UTC(2019, 1, 7, 21);
const at = (seconds: number) => START_MS + Math.round(seconds * 1000);
/** Seconds after the start. */
const after = (ms: number | null) => (ms === null ? null : (ms - START_MS) / 1000);

interface Brief {
  newest?: number;
  batch?: number;
  caughtUp?: number;
  heartbeat?: number;
  catchingUp?: boolean;
  closed?: boolean;
  ended?: boolean;
}

const ms = (seconds: number | undefined) => (seconds === undefined ? null : at(seconds));

/** A stream of an agent; its last heartbeat is the caught-up one where nothing else is said. */
function file({ newest, batch, caughtUp, heartbeat, ...flags }: Brief): StreamClockInput {
  return {
    newestEventMs: ms(newest),
    lastBatchAtMs: ms(batch),
    caughtUpAtMs: ms(caughtUp),
    lastHeartbeatAtMs: ms(heartbeat ?? caughtUp ?? batch),
    everHeartbeat: true,
    catchingUp: false,
    closed: false,
    ...flags,
  };
}

function script(newest: number, batch: number): StreamClockInput {
  return { ...file({ newest, batch }), lastHeartbeatAtMs: null, everHeartbeat: false };
}

/** The alert clock with the delay put back, so that tables read in stream time. */
const timeOf = (streams: StreamClockInput[], now: number) => {
  const clockMs = alertClockMs(streams, at(now));
  return after(clockMs === null ? null : clockMs + EVALUATION_DELAY_MS);
};

describe('one stream', () => {
  test.each([
    ['batch, no heartbeat since', file({ newest: 98, batch: 100, caughtUp: 96 }), 500, false, 98],
    ['never caught up', file({ newest: 98, batch: 100, heartbeat: 500 }), 500, false, 98],
    ['caught up in the millisecond of the batch', file({ newest: 98, batch: 100, caughtUp: 100 }), 500, false, 98],
    ['caught up 1 s after', file({ newest: 98, batch: 100, caughtUp: 101 }), 101, true, 99],
    ['caught up 60 s after, then silence', file({ newest: 98, batch: 100, caughtUp: 160 }), 9999, true, 158],
    ['behind again without a batch', file({ newest: 98, batch: 100, caughtUp: 160, heartbeat: 200 }), 200, true, 158],
    ['no entry yet, caught up', file({ caughtUp: 160 }), 160, true, null],
    ['no entry yet, not caught up', file({ heartbeat: 160 }), 160, false, null],
    ['script, its batch 29.999 s old', script(98, 100), 129.999, false, 98],
    ['script, its batch 30 s old', script(98, 100), 130, true, 128],
    ['script, long ago', script(98, 100), 9999, true, 9997],
    ['ended, its batch just in', file({ newest: 98, batch: 100, ended: true }), 100, true, 98],
  ] as const)('%s', (_what, stream, now, idle, time) => {
    expect(streamIsIdle(stream, at(now))).toBe(idle);
    expect(after(streamTimeMs(stream, at(now)))).toBe(time);
  });
});

describe('held streams', () => {
  const live = file({ newest: 100, batch: 100, heartbeat: 200 });
  const holds = (stream: StreamClockInput, others = [live]) => heldStreams([...others, stream]).includes(stream);

  test.each([
    ['named by the last heartbeat', file({ newest: 1, batch: 1, heartbeat: 200 }), true],
    ['named 59.999 s before', file({ newest: 1, batch: 1, heartbeat: 140.001 }), true],
    ['named 60 s before', file({ newest: 1, batch: 1, heartbeat: 140 }), false],
    ['closed', file({ newest: 1, batch: 1, heartbeat: 200, closed: true }), false],
    ['a script whose last batch is recent', script(1, 199), true],
    ['a script of long ago', script(1, 2), false],
  ] as const)('%s: %s', (_what, stream, held) => expect(holds(stream)).toBe(held));

  test('the last one is held however long ago it was named', () => {
    expect(holds(file({ newest: 1, batch: 1, heartbeat: 1 }), [])).toBe(true);
  });

  test('a closed stream lets none go', () => {
    const closed = file({ newest: 500, batch: 500, heartbeat: 500, closed: true });
    expect(holds(file({ newest: 1, batch: 1, heartbeat: 1 }), [closed])).toBe(true);
  });
});

describe('the alert clock (stream time, before the delay)', () => {
  const live = (newest: number) => file({ newest, batch: newest + 1, heartbeat: 200 });
  const idle = (newest: number) => file({ newest, batch: newest + 1, caughtUp: 200 });
  const old = (newest: number) => file({ newest, batch: 199, heartbeat: 200, catchingUp: true });
  const oldDone = (newest: number) => file({ newest, batch: 199, caughtUp: 200, catchingUp: true });

  test.each([
    ['no stream', [], null],
    ['the least of the live ones', [live(190), live(180)], 180],
    ['idle ones do not hold live ones back', [live(190), idle(50)], 190],
    ['nor go ahead of them', [live(150), idle(198)], 150],
    ['old files neither', [live(190), old(20)], 190],
    ['all idle: the greatest', [idle(50), file({ newest: 100, batch: 150, caughtUp: 160, heartbeat: 200 })], 199],
    ['idle beside an old file', [idle(50), old(20)], 199],
    ['old files alone: the least', [old(20), old(30)], 20],
    ['an old file that is done does not run ahead of another', [oldDone(90), old(30)], 30],
    ['an old file alone, done', [oldDone(90)], 91],
    ['no entry, no say', [live(190), file({ heartbeat: 200 }), file({ caughtUp: 200 })], 190],
    ['closed: no say', [live(190), file({ newest: 195, batch: 196, heartbeat: 200, closed: true })], 190],
    ['an old file that runs into the present is live', [file({ newest: 150, batch: 199, heartbeat: 200 })], 150],
  ] as const)('%s', (_what, streams, time) => expect(timeOf([...streams], 201)).toBe(time));

  test('is the stream time less 5 s; a second is decided once its end is reached', () => {
    expect(after(alertClockMs([live(190)], at(201)))).toBe(185);
    expect(decidableUntil(at(185)) * 1000).toBe(at(184));
    expect(decidableUntil(at(184.999)) * 1000).toBe(at(183));
  });

  test('an entry exactly 5 s late still counts', () => {
    const newestInSecond105 = file({ newest: 105.999, batch: 106, heartbeat: 106 });
    expect(decidableUntil(alertClockMs([newestInSecond105], at(106))!) * 1000).toBe(at(99));
  });

  test('after a rotation, the closed file’s entries and the new file’s quiet give the time', () => {
    const rotated = file({ newest: 100, batch: 101, caughtUp: 105, closed: true });
    expect(timeOf([rotated, file({ caughtUp: 150 })], 151)).toBe(149);
    expect(timeOf([rotated, file({ heartbeat: 150 })], 151)).toBeNull();
    expect(timeOf([rotated], 9999)).toBe(104);
  });

  test('an agent that dies decides nothing more, whatever state its streams are in', () => {
    const died = [live(190), idle(50), old(20)];
    const one = alertClockMs(died, at(201));
    for (const now of [230, 260, 262, 300, 100_000]) expect(alertClockMs(died, at(now))).toBe(one);
  });

  test('a source that the agent no longer follows lets the others go on after 60 s', () => {
    const gone = file({ newest: 100, batch: 101, heartbeat: 105 });
    const goesOn = (heartbeat: number) => file({ newest: heartbeat, batch: heartbeat, heartbeat });
    expect(timeOf([gone, goesOn(160)], 160)).toBe(100);
    expect(timeOf([gone, goesOn(165)], 165)).toBe(165);
  });
});

describe('the end of the sources', () => {
  const ended = file({ newest: 98.5, batch: 100, caughtUp: 103, ended: true });

  test('all seconds up to the newest event can be decided at once, and no more later', () => {
    for (const now of [103, 9999]) {
      const clockMs = alertClockMs([ended, file({ newest: 40, batch: 60, closed: true })], at(now))!;
      expect(decidableUntil(clockMs) * 1000).toBe(at(98));
    }
    expect(nextClockChange([ended], at(103))).toBeNull();
  });

  test.each([
    ['all ended', [ended], true],
    ['old files too', [ended, { ...ended, catchingUp: true }], true],
    ['beside a file that never had an entry', [ended, file({ caughtUp: 103 })], true],
    ['beside a file that is yet to be read', [ended, file({ heartbeat: 103 })], false],
    ['beside one that goes on', [ended, file({ newest: 90, batch: 90, caughtUp: 103 })], false],
    ['closed when it ended', [{ ...ended, closed: true }], true],
    ['not said', [file({ newest: 98, batch: 100, caughtUp: 103 })], false],
  ] as const)('%s: ended %s', (_what, streams, has) => expect(agentHasEnded(streams, at(104))).toBe(has));

  test('an ended source holds no other back', () => {
    expect(timeOf([ended, file({ newest: 150, batch: 151, heartbeat: 151 })], 151)).toBe(150);
  });
});

describe('the watermark', () => {
  const live = (newest: number) => file({ newest, batch: newest, heartbeat: 200 });
  test.each([
    ['no stream', [], null],
    ['no entry yet', [file({ caughtUp: 200 })], null],
    ['the least of the live ones', [live(190), live(180)], 180],
    ['idle ones have no say', [live(190), file({ newest: 10, batch: 11, caughtUp: 200 })], 190],
    ['nor have old files', [live(190), file({ newest: 10, batch: 199, heartbeat: 200, catchingUp: true })], 190],
    ['idle alone: its newest event, however long it is quiet', [file({ newest: 10, batch: 11, caughtUp: 200 })], 10],
    ['no live ones: the greatest of all', [file({ newest: 10, batch: 11, closed: true }), script(7, 8)], 10],
  ] as const)('%s', (_what, streams, newest) => {
    const expected = newest === null ? null : at(newest) - ALLOWED_LATENESS_MS;
    expect(agentWatermarkMs(streams, at(201))).toBe(expected);
  });
});

describe('the next change without a message', () => {
  test.each([
    ['files only', [file({ newest: 98, batch: 100, caughtUp: 120 })], 121, null],
    ['a script becomes idle', [script(98, 100)], 105, 130],
    ['the earliest of several', [script(98, 110), script(97, 100)], 111, 130],
    ['an idle script reaches the next second', [script(98, 100)], 130.4, 131],
    ['with its own offset', [script(98.25, 100)], 130.4, 130.75],
    [
      'an idle script beside a live file changes nothing',
      [script(98, 100), file({ newest: 120, batch: 131 })],
      131,
      null,
    ],
    [
      'an idle script overtakes an idle file',
      [script(98, 100), file({ newest: 140, batch: 141, caughtUp: 143 })],
      144,
      145,
    ],
  ] as const)('%s', (_what, streams, now, change) => {
    expect(after(nextClockChange(streams, at(now)))).toBe(change);
  });
});

describe('laws over random streams', () => {
  const second = fc.integer({ min: 0, max: 200 });
  const streams = fc.array(
    fc
      .record({
        batch: fc.option(second, { nil: undefined }),
        behind: fc.integer({ min: 0, max: 300_000 }),
        caughtUp: fc.option(second, { nil: undefined }),
        heartbeat: second,
        everHeartbeat: fc.boolean(),
        catchingUp: fc.boolean(),
        closed: fc.constantFrom(false, false, true),
        ended: fc.constantFrom(false, false, true),
      })
      .map(({ batch, behind, caughtUp, everHeartbeat, catchingUp, closed, ended, heartbeat }): StreamClockInput => {
        const newestEventMs = batch === undefined ? null : at(batch) - behind;
        if (!everHeartbeat) return { ...script(0, 0), newestEventMs, lastBatchAtMs: ms(batch), closed };
        const named = Math.max(heartbeat, caughtUp ?? 0);
        return { ...file({ batch, caughtUp, heartbeat: named, catchingUp, closed, ended }), newestEventMs };
      }),
    { maxLength: 4 },
  );
  const now = fc.integer({ min: 200_000, max: 300_000 }).map((sinceStartMs) => START_MS + sinceStartMs);

  test('no stream’s time is ahead of the clock on the wall', () => {
    fc.assert(
      fc.property(streams, now, (all, nowMs) => {
        for (const stream of all) expect(streamTimeMs(stream, nowMs) ?? 0).toBeLessThanOrEqual(nowMs);
        if (!agentHasEnded(all, nowMs)) {
          expect(alertClockMs(all, nowMs) ?? 0).toBeLessThanOrEqual(nowMs - EVALUATION_DELAY_MS);
        }
      }),
    );
  });

  test('without scripts waiting alone moves nothing', () => {
    fc.assert(
      fc.property(streams, now, (all, nowMs) => {
        const files = all.filter(({ everHeartbeat }) => everHeartbeat);
        const later = nowMs + 1e9;
        expect(alertClockMs(files, later)).toBe(alertClockMs(files, nowMs));
        expect(agentWatermarkMs(files, later)).toBe(agentWatermarkMs(files, nowMs));
        expect(nextClockChange(files, nowMs)).toBeNull();
      }),
    );
  });

  test('until the next change no second more can be decided, and the watermark stays', () => {
    fc.assert(
      fc.property(streams, now, fc.double({ min: 0, max: 1, noNaN: true }), (all, nowMs, part) => {
        const change = nextClockChange(all, nowMs);
        if (change !== null) expect(change).toBeGreaterThan(nowMs);
        const last = (change ?? nowMs + 1e9) - 1;
        const between = Math.floor(nowMs + (last - nowMs) * part);
        const until = (wallMs: number) => {
          const clockMs = alertClockMs(all, wallMs);
          return clockMs === null ? null : decidableUntil(clockMs);
        };
        expect(until(between)).toBe(until(nowMs));
        expect(agentWatermarkMs(all, between)).toBe(agentWatermarkMs(all, nowMs));
      }),
      { numRuns: 2000 },
    );
  });
});
