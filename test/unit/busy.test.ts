// Goal: what can wait knows whether the thread has other work.
// Method: the real event loop, kept busy and then left alone.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { busyFor } from '../../server/jobs/busy.js';

test('tells of the time since it was last asked alone', async () => {
  const isBusy = busyFor(0.5);
  const endMs = performance.now() + 200;
  while (performance.now() < endMs);
  // Time counts once the loop has gone on.
  await sleep(1);
  expect(isBusy()).toBe(true);
  await sleep(600);
  expect(isBusy()).toBe(false);
});
