import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What alert rules can ask of their windows beyond a threshold. */
export class RuleFilters1764600000000 implements MigrationInterface {
  name = 'RuleFilters1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE alert_rule ADD COLUMN min_hits bigint NOT NULL DEFAULT 0 CHECK (min_hits >= 0)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE alert_rule DROP COLUMN min_hits');
  }
}
