// Goal: a task is run over and over whatever comes of it, never twice at a time, and not once it is stopped.
// Method: tasks that end when the test says so; an interval of none.
import { expect, test } from '@jest/globals';
import { type Logger, pino } from 'pino';
import { Repeated } from '../../server/jobs/repeated.js';
import { until } from '../support/server.js';

const logging = (lines: { level: number; msg: string }[]): Logger =>
  pino({ level: 'debug' }, { write: (text: string) => lines.push(JSON.parse(text)) });

test('again after its end, also where it failed; what passes is no error', async () => {
  const lines: { level: number; msg: string }[] = [];
  let runs = 0;
  let failures = 0;
  const outcomes = [new Error('broken'), Object.assign(new Error('away'), { code: 'ECONNREFUSED' })];
  const run = async () => {
    const error = outcomes[runs++];
    if (error) throw error;
  };
  const repeated = new Repeated(run, {
    everyMs: 0,
    log: logging(lines),
    failure: 'it failed',
    onFailure: () => failures++,
  });
  repeated.start();
  await until(() => runs >= 4);
  await repeated.stop();
  const count = runs;
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [50, 'it failed'],
    [20, 'it failed'],
  ]);
  expect(failures).toBe(2);
  repeated.start();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(runs).toBe(count);
});

test('never twice at a time; stopping tells the task, and waits for it', async () => {
  let running = 0;
  let most = 0;
  let sawStop = false;
  const repeated: Repeated = new Repeated(
    async () => {
      most = Math.max(most, ++running);
      await until(() => repeated.isStopped);
      sawStop = true;
      running--;
    },
    { everyMs: 0, log: logging([]), failure: 'it failed' },
  );
  repeated.start();
  await until(() => running === 1);
  await repeated.stop();
  expect([sawStop, running, most]).toEqual([true, 0, 1]);
});
