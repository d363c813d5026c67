import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** A right to speak for a tenant. The secret itself is kept nowhere. */
@Entity('token')
export class TokenEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  role!: 'OPERATOR' | 'ADMIN' | 'VIEWER' | 'AGENT';

  @Column({ type: 'bytea', name: 'secret_hash' })
  secretHash!: Buffer;

  /** Whose it is; null: a program's. */
  @Column({ type: 'uuid', name: 'user_id', nullable: true })
  userId!: string | null;

  @Column({ type: 'text', name: 'agent_name', nullable: true })
  agentName!: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'expires_at', nullable: true })
  expiresAt!: Date | null;
}
