import type { BatchAggregate } from '../core/windows/aggregate.js';
import type { LockedAgentRow } from '../store/sql/agent.sql.js';

/** A batch that is being taken in, counted. */
export interface CountedBatch {
  tenantId: string;
  /** Its lock is held. */
  agent: LockedAgentRow;
  /** As of which its windows are. */
  revision: number;
  aggregate: BatchAggregate;
}
