import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** A time in which nobody is told. */
@Entity('silence')
export class SilenceEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  /** All where empty. */
  @Column({ type: 'uuid', name: 'rule_ids', array: true, default: '{}' })
  ruleIds!: string[];

  /** All where empty. */
  @Column({ type: 'uuid', name: 'agent_ids', array: true, default: '{}' })
  agentIds!: string[];

  @Column({ type: 'timestamptz', name: 'from_at' })
  from!: Date;

  @Column({ type: 'timestamptz', name: 'until_at' })
  until!: Date;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
