// Goal: what can wait knows whether the thread has other work.
// Method: the real event loop, kept busy and then left alone; where others use the machine it is looked at several times, for
//   less long in all than it was busy: what counted the time before, too, would say that it is.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { busyFor } from '../../server/jobs/busy.js';

const BUSY_MS = 2_000;
const LOOKS = 6;
const LOOK_MS = 300;

test('tells of the time since it was last asked alone', async () => {
  const isBusy = busyFor(0.5);
  const endMs = performance.now() + BUSY_MS;
  while (performance.now() < endMs);
  // Time counts once the loop has gone on.
  await sleep(1);
  expect(isBusy()).toBe(true);
  let saysBusy = true;
  for (let look = 0; look < LOOKS && saysBusy; look++) {
    await sleep(LOOK_MS);
    saysBusy = isBusy();
  }
  expect(saysBusy).toBe(false);
});
