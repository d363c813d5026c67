import { randomUUID } from 'node:crypto';
import { type Audit, changesBetween, unrecorded } from '../accounts/index.js';
import { nameProblem } from '../core/accounts/names.js';
import { badInput } from '../errors.js';
import type { Database } from '../store/database.js';
import { SilenceEntity } from '../store/entities/silence.entity.js';
import { existing, expectOwned } from '../store/rows.js';
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
      await expectOwned(tx, tenantId, 'alert_rule', ruleIds, 'Alert rule');
      await expectOwned(tx, tenantId, 'agent', agentIds, 'Agent');
      const id = randomUUID();
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
      const silence = await existing(tx.manager, SilenceEntity, { tenantId, id }, 'Silence');
      await tx.manager.delete(SilenceEntity, { tenantId, id });
      await lookAgain(tx.sql, tenantId);
      await audit(tx, { action: 'SILENCE_DELETED', subjectId: id, subject: silence.name });
    });
  }
}
