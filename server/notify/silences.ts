import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { nameProblem } from '../core/accounts/names.js';
import { badInput, notFound } from '../errors.js';
import type { Database, Transaction } from '../store/database.js';
import { SilenceEntity } from '../store/entities/silence.entity.js';
import { isUuid } from '../store/uuid.js';
import { lookAgain } from './held-back.js';

export interface NewSilence {
  name: string;
  ruleIds: string[];
  agentIds: string[];
  from: Date;
  until: Date;
}

/** Times in which nobody is told, of some rules over some agents: from now on, or ahead, for maintenance. */
export class Silences {
  constructor(private readonly db: Database) {}

  /** Those that have not ended. */
  list(tenantId: string): Promise<SilenceEntity[]> {
    return this.db.inTenants([tenantId], ({ manager }) =>
      manager
        .createQueryBuilder(SilenceEntity, 'silence')
        .where('silence.tenantId = :tenantId AND silence.until > clock_timestamp()', { tenantId })
        .orderBy({ 'silence.from': 'ASC', 'silence.id': 'ASC' })
        .getMany(),
    );
  }

  /** @throws ApiError BAD_USER_INPUT naming what is wrong; NOT_FOUND for a rule or agent that is not the tenant's. */
  create(tenantId: string, input: NewSilence, audit: Audit = unrecorded): Promise<SilenceEntity> {
    const { name, ruleIds, agentIds, from, until } = input;
    const problem = nameProblem('name', name);
    if (problem !== null) throw badInput(problem);
    if (until <= from) throw badInput('A silence begins before it ends.');
    return this.db.inTenants([tenantId], async (tx) => {
      await assertKnown(tx, tenantId, 'alert_rule', ruleIds, 'Alert rule');
      await assertKnown(tx, tenantId, 'agent', agentIds, 'Agent');
      const [{ id }] = await tx.sql<{ id: string }>('SELECT gen_random_uuid() AS id');
      await tx.manager.insert(SilenceEntity, { ...input, tenantId, id });
      await audit(tx, {
        action: 'SILENCE_CREATED',
        subjectId: id,
        subject: name,
        changes: changesBetween({}, { from, until }),
      });
      return tx.manager.findOneByOrFail(SilenceEntity, { tenantId, id });
    });
  }

  /** What it held back is looked at again. @throws ApiError NOT_FOUND. */
  delete(tenantId: string, id: string, audit: Audit = unrecorded): Promise<void> {
    return this.db.inTenants([tenantId], async (tx) => {
      const silence = isUuid(id) ? await tx.manager.findOneBy(SilenceEntity, { tenantId, id }) : null;
      if (silence === null) throw notFound('Silence');
      await tx.manager.delete(SilenceEntity, { tenantId, id });
      await lookAgain(tx.sql, tenantId);
      await audit(tx, { action: 'SILENCE_DELETED', subjectId: id, subject: silence.name });
    });
  }
}

async function assertKnown(
  { sql }: Transaction,
  tenantId: string,
  table: 'alert_rule' | 'agent',
  ids: readonly string[],
  what: string,
): Promise<void> {
  const known = await sql(`SELECT FROM ${table} WHERE tenant_id = $1 AND id::text = ANY ($2)`, [tenantId, ids]);
  if (known.length < new Set(ids).size) throw notFound(what);
}
