import type { MigrationInterface, QueryRunner } from 'typeorm';

const QUIET = `
  ALTER TABLE notification ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
  COMMENT ON COLUMN notification.number IS 'of one rule and agent, on one channel they are sent in this order';
  CREATE INDEX notification_turn ON notification (tenant_id, channel_id, rule_id, agent_id, number) WHERE due_at IS NOT NULL;
  CREATE INDEX notification_message ON notification (message_id) WHERE due_at IS NOT NULL;
`;

/** Notifications in order. */
export class QuietNotifications1764900000000 implements MigrationInterface {
  name = 'QuietNotifications1764900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(QUIET);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE notification DROP COLUMN number');
  }
}
