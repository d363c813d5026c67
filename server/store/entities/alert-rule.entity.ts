import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AlertMetric } from '../../core/alerts/decide.js';
import type { LogFilter } from '../../core/retention/filter.js';
import { tenantScoped } from './tenant-scoped.js';

/** What an alert watches. */
@Entity('alert_rule')
export class AlertRuleEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'boolean' })
  enabled!: boolean;

  @Column({ type: 'uuid', name: 'agent_ids', array: true })
  agentIds!: string[];

  @Column({ type: 'text' })
  metric!: AlertMetric;

  /** Which entries count; null: all. */
  @Column({ type: 'jsonb', nullable: true })
  filter!: LogFilter | null;

  /** The version since which it counts what it counts: what was counted before is nobody's. */
  @Column({ type: 'integer', name: 'filter_version', default: 1 })
  filterVersion!: number;

  @Column({ type: 'integer', name: 'window_seconds' })
  windowSeconds!: number;

  @Column({ type: 'text' })
  comparison!: 'GREATER_THAN' | 'GREATER_THAN_OR_EQUAL' | 'LESS_THAN' | 'LESS_THAN_OR_EQUAL';

  @Column({ type: 'double precision' })
  threshold!: number;

  @Column({ type: 'double precision', name: 'recovery_threshold', nullable: true })
  recoveryThreshold!: number | null;

  @Column({ type: 'bigint', name: 'min_hits', default: 0 })
  minHits!: number;

  /** Seconds of wall time without a batch after which it fires too; null: never. */
  @Column({ type: 'bigint', name: 'no_data_after', nullable: true })
  noDataAfter!: number | null;

  @Column({ type: 'text' })
  severity!: 'INFO' | 'WARNING' | 'CRITICAL';

  /** Where people are told; those deleted since are passed over. */
  @Column({ type: 'uuid', name: 'channel_ids', array: true, default: '{}' })
  channelIds!: string[];

  /** Notifications are held back until then; null: they are not. */
  @Column({ type: 'timestamptz', name: 'silenced_until', nullable: true })
  silencedUntil!: Date | null;

  /** While it flaps, people are told once, not each time. */
  @Column({ type: 'boolean', name: 'flap_detection', default: true })
  flapDetection!: boolean;

  /** Seconds of wall time after which people are told again that it still fires; null: never. */
  @Column({ type: 'bigint', name: 'remind_every', nullable: true })
  remindEvery!: number | null;

  /** Grows with each change of what it decides by. */
  @Column({ type: 'integer' })
  version!: number;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
