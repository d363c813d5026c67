import type { Logger } from 'pino';
import { takeWithoutGuilty } from '../core/ingest/isolate.js';
import { type DataRefusal, refusesData } from '../errors.js';
import type { Transaction } from '../store/database.js';
import { isMissingPartition } from '../store/partitions.js';
import { lockOrRegisterAgent } from './agents.js';
import type { Refusal } from './place.js';
import type { AppendRequest, AppendResult } from './request.js';

/** Whether PostgreSQL refused a batch for what it holds. */
export function refusesBatch(error: unknown): error is DataRefusal {
  return refusesData(error) && !isMissingPartition(error);
}

/**
 * Appends a batch that PostgreSQL refuses: without the entries for which it does so, which are quarantined. In the one
 * transaction, so that the position moves once, by the whole range.
 *
 * @param refused why it was refused
 * @throws `refused` where it is not for its entries: that is for the server to mend, and the batch comes again.
 */
export async function appendWithoutGuilty(
  tx: Transaction,
  { tenantId, agentName, batch }: AppendRequest,
  refused: DataRefusal,
  append: (refusal: Refusal) => Promise<AppendResult>,
  log: Logger,
): Promise<AppendResult> {
  // Before the first savepoint, so that it is held between the trials: nothing changes from one to the next.
  await lockOrRegisterAgent(tx, tenantId, agentName);
  const reason = `refused by the database (SQLSTATE ${refused.code})`;
  let guilty = 0;
  const attempt = async (left: Uint8Array, end: string): Promise<AppendResult | null> => {
    guilty = left.reduce((sum, one) => sum + one, 0);
    await tx.sql('SAVEPOINT attempt');
    try {
      const result = await append({ left, reason });
      await tx.sql(end);
      return result;
    } catch (error) {
      if (!refusesBatch(error)) throw error;
      await tx.sql('ROLLBACK TO SAVEPOINT attempt');
      return null;
    }
  };
  const result = await takeWithoutGuilty(batch.count, {
    take: (left) => attempt(left, 'RELEASE SAVEPOINT attempt'),
    fits: async (left) => (await attempt(left, 'ROLLBACK TO SAVEPOINT attempt')) !== null,
  });
  if (result === null) throw refused;
  const { code, message, stack } = refused;
  log.error({ code, message, stack, agentName, guilty, entries: batch.count }, 'the database refused a batch');
  return result;
}
