import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { LogFilter } from '../../core/retention/filter.js';
import { tenantScoped } from './tenant-scoped.js';

/** How long some raw entries are kept. */
@Entity('retention_policy')
export class RetentionPolicyEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
  id!: string;

  /** The first that matches wins. */
  @Column({ type: 'integer' })
  place!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'jsonb' })
  filter!: LogFilter;

  @Column({ type: 'uuid', name: 'agent_ids', array: true, default: [] })
  agentIds!: string[];

  @Column({ type: 'integer', name: 'keep_seconds' })
  keepSeconds!: number;
}
