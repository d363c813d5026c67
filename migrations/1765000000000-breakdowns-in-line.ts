import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Breakdowns stay in their page as they are where they fit: to compress them took four tenths of PostgreSQL's time while old
 * files are taken in. The most that PostgreSQL allows.
 */
export class BreakdownsInLine1765000000000 implements MigrationInterface {
  name = 'BreakdownsInLine1765000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE traffic_breakdown SET (toast_tuple_target = 8160)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE traffic_breakdown SET (toast_tuple_target = 4096)');
  }
}
