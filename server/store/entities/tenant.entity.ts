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
}
