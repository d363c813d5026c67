import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** Who changed what, and when. */
@Entity('audit_entry')
export class AuditEntryEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'bigint', generated: 'identity', generatedIdentity: 'ALWAYS' })
  number!: number;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  at!: Date;

  @Column({ type: 'text' })
  actor!: string;

  @Column({ type: 'text', name: 'actor_role' })
  actorRole!: 'OPERATOR' | 'ADMIN' | 'VIEWER' | 'AGENT';

  @Column({ type: 'uuid', name: 'actor_token_id' })
  actorTokenId!: string;

  @Column({ type: 'text' })
  action!: string;

  @Column({ type: 'text', name: 'subject_id', nullable: true })
  subjectId!: string | null;

  @Column({ type: 'text' })
  subject!: string;

  @Column({ type: 'jsonb', default: {} })
  details!: Record<string, unknown>;
}
