import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Alert rules over response times, counted as those over what a filter admits. */
export class DurationRules1764800000000 implements MigrationInterface {
  name = 'DurationRules1764800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE rule_seconds ADD COLUMN durations bytea NOT NULL DEFAULT '';
      COMMENT ON COLUMN rule_seconds.durations IS 'response times of each second by the bins of a DDSketch; empty: none was counted';
      COMMENT ON COLUMN alert_rule.filter_version IS 'the version since which it counts what it counts: its filter, and whether response times';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM alert_rule WHERE metric = 'DURATION_P95';
      COMMENT ON COLUMN alert_rule.filter_version IS 'the version since which it has its filter';
      ALTER TABLE rule_seconds DROP COLUMN durations;
    `);
  }
}
