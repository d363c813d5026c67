import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who shares the server with others without seeing them. */
@Entity('tenant')
export class TenantEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  /** The plan, and the three that follow; null: without limit. */
  @Column({ type: 'integer', name: 'agents_max', nullable: true })
  agentsMax!: number | null;

  @Column({ type: 'integer', name: 'entries_per_second_max', nullable: true })
  entriesPerSecondMax!: number | null;

  @Column({ type: 'integer', name: 'alert_rules_max', nullable: true })
  alertRulesMax!: number | null;

  @Column({ type: 'bigint', name: 'keep_logs_max_seconds', nullable: true })
  keepLogsMaxSeconds!: number | null;

  /** What it holds is being removed. */
  @Column({ type: 'timestamptz', name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;
}
