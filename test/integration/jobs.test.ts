// Goal: background jobs go on after a database that was away, and the server with them.
// Method: a task of the test's own; the queue's table is renamed under it, as if the database had gone.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { Jobs } from '../../server/jobs/index.js';
import { until } from '../support/server.js';
import { Statistics } from '../support/statistics.js';

const QUEUE = 'graphile_worker._private_jobs';

let statistics: Statistics;
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());

const rename = (from: string, to: string) => statistics.db.ownerSql(`ALTER TABLE ${from} RENAME TO ${to}`);
const away = () => rename(QUEUE, 'away');
const back = () => rename('graphile_worker.away', '_private_jobs');

test('a worker that cannot say that its job is done is replaced; what cannot be asked for is asked for later', async () => {
  // The queue's own cry about it.
  jest.spyOn(console, 'trace').mockImplementation(() => undefined);
  let runs = 0;
  const count = {
    everyMinutes: 2,
    run: async () => {
      runs++;
      if (runs === 1) await away();
    },
  };
  const jobs = await Jobs.start(statistics.db, pino({ level: 'silent' }), { count });
  try {
    await jobs.add('count');
    await until(() => runs === 1, 10_000, 'the job');
    // The worker ends, as its job cannot be given back; meanwhile a minute passes.
    await jobs.addDue(2);
    await back();
    await jobs.addDue(3);
    expect(runs).toBe(1);
    await until(
      async () => {
        await jobs.addDue(4);
        return runs > 1;
      },
      20_000,
      'the job again',
    );
  } finally {
    await jobs.stop();
  }
});
