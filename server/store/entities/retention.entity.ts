import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** How long a tenant keeps what no policy names. */
@Entity('retention')
export class RetentionEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  /** Grows with each change. */
  @Column({ type: 'integer', default: 1 })
  version!: number;

  @Column({ type: 'integer', name: 'default_seconds', default: 3_600 })
  defaultSeconds!: number;

  /** By resolution in seconds (server/core/rollup/floors.ts). */
  @Column({ type: 'jsonb', default: {} })
  windows!: Record<string, { keep: number | null; keepBreakdowns: number | null }>;
}
