import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** Where people are told. */
@Entity('notification_channel')
export class NotificationChannelEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  kind!: 'EMAIL' | 'SLACK' | 'WEBHOOK';

  /** An e-mail address, or a URL, which may hold secrets. */
  @Column({ type: 'text' })
  target!: string;

  /** Signs webhooks' bodies. */
  @Column({ type: 'text', nullable: true })
  secret!: string | null;

  @Column({ type: 'boolean', default: true })
  enabled!: boolean;

  /** In a row. */
  @Column({ type: 'integer', default: 0 })
  failures!: number;

  /** Nothing is sent until then. */
  @Column({ type: 'timestamptz', name: 'broken_until', nullable: true })
  brokenUntil!: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
