import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What tells an evaluator whether what it remembers of an agent still holds, and what to read beside it. */
export class AlertMemory1764950000000 implements MigrationInterface {
  name = 'AlertMemory1764950000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE agent
        ADD COLUMN alert_revision bigint NOT NULL DEFAULT 0,
        ADD COLUMN counts_read_revision bigint NOT NULL DEFAULT 0,
        ADD COLUMN counts_changed_ms bigint;
      COMMENT ON COLUMN agent.alert_revision IS 'grows with each change of an alert rule or state that is about it';
      COMMENT ON COLUMN agent.counts_read_revision IS 'the revision as of which counts were last read for alerts';
      COMMENT ON COLUMN agent.counts_changed_ms IS 'the oldest entry that came in since; null: none';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE agent DROP COLUMN alert_revision, DROP COLUMN counts_read_revision, DROP COLUMN counts_changed_ms;
    `);
  }
}
