import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Breakdowns of open windows are written every second: those of an ordinary size are not compressed each time. */
export class BreakdownRows1764400000000 implements MigrationInterface {
  name = 'BreakdownRows1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE traffic_breakdown SET (toast_tuple_target = 4096)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE traffic_breakdown RESET (toast_tuple_target)');
  }
}
