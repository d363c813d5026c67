import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantScoped } from './tenant-scoped.js';

/** A person, who signs in by tokens. */
@Entity('app_user')
export class UserEntity {
  @PrimaryColumn(tenantScoped)
  tenantId!: string;

  @PrimaryColumn({ type: 'uuid', default: () => 'gen_random_uuid()' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  email!: string;

  @Column({ type: 'text' })
  role!: 'OPERATOR' | 'ADMIN' | 'VIEWER';

  @Column({ type: 'timestamptz', name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
