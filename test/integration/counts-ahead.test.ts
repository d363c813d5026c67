// Goal: what is counted of a large batch before its turn changes nothing of what is stored, whatever came of the batches before it.
// Method: the steps of ingest on a real PostgreSQL; an agent's batches sent at once, so that each but the first waits counted.
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { decodeLogBatch, type Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { BatchAggregate } from '../../server/core/windows/aggregate.js';
import { entry } from '../support/entries.js';
import { Statistics } from '../support/statistics.js';
import { expectStored } from '../support/stored-windows.js';

const T0 = Date.UTC(2026, 0, 31, 12);
const LINES = 3_000;

let statistics: Statistics;
let tenantId: string;
const encoded = jest.spyOn(BatchAggregate.prototype, 'encodeAhead');
beforeAll(async () => {
  statistics = await Statistics.start();
});
afterAll(() => statistics.close());
beforeEach(async () => {
  tenantId = await statistics.newTenant();
  encoded.mockClear();
});

/** Ten a second, some of them five minutes old, of as many hosts as the coarsest windows list. */
const batchFrom = (first: number): Entry[] =>
  Array.from({ length: LINES }, (_, k) => {
    const i = first + k;
    const timeMs = T0 + i * 100 - (i % 331 === 330 ? 300_000 : 0);
    return entry({ timeMs, bytes: i, host: `10.0.0.${i % 60}`, status: i % 13 === 0 ? 404 : 200 });
  });

function send(agent: string, from: number, entries: readonly Entry[]) {
  const wire = batchOf(entries);
  const stream = { id: 's', epoch: null, tail: null, from, to: from + entries.length };
  const about = { malformed: 0, skipped: 0, rejections: [] };
  const batch = decodeLogBatch(wire);
  return statistics.ingest.append({ tenantId, agentName: agent, stream, wire, batch, ...about });
}

test('batches that wait are counted before their turn, and windows are what their entries add up to', async () => {
  const batches = [0, 1, 2, 3, 4].map((n) => batchFrom(n * LINES));
  // The first tells from where breakdowns are kept.
  const { agentId } = await send('web', 0, batches[0]);
  await Promise.all(batches.slice(1).map((entries, n) => send('web', (n + 1) * LINES, entries)));
  expect(encoded.mock.calls.filter(([, resolution]) => resolution === 10).length).toBeGreaterThan(40);
  expect(encoded.mock.calls.filter(([, resolution]) => resolution === 60).length).toBeGreaterThan(5);
  await expectStored(statistics, tenantId, new Map([[agentId, batches.flat()]]));
});

test('what was counted of a batch that is refused, or came before, counts nowhere', async () => {
  const [first, second, third] = [0, 1, 2].map((n) => batchFrom(n * LINES));
  const { agentId } = await send('web', 0, first);
  const outcomes = await Promise.all([
    send('web', LINES, second),
    send('web', LINES, second),
    send('web', 5 * LINES, third),
    send('web', 2 * LINES, third),
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['APPENDED', 'DUPLICATE', 'OUT_OF_SEQUENCE', 'APPENDED']);
  expect(encoded).toHaveBeenCalled();
  await expectStored(statistics, tenantId, new Map([[agentId, [...first, ...second, ...third]]]));
});

test('of a batch with entries that are not taken in, what is left is counted in its turn', async () => {
  const batches = [0, 1, 2].map((n) => batchFrom(n * LINES));
  const { agentId } = await send('web', 0, batches[0]);
  const ahead = [...batches[2].slice(0, -1), entry({ timeMs: Date.now() + 86_400_000 * 30, host: 'tomorrow' })];
  const [, { accepted }] = await Promise.all([send('web', LINES, batches[1]), send('web', 2 * LINES, ahead)]);
  expect(accepted).toBe(LINES - 1);
  await expectStored(
    statistics,
    tenantId,
    new Map([[agentId, [...batches[0], ...batches[1], ...batches[2].slice(0, -1)]]]),
  );
});
