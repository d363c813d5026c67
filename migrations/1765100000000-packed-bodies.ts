import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Bodies are packed: their numbers are no text. What was written before is read as it is. */
export class PackedBodies1765100000000 implements MigrationInterface {
  name = 'PackedBodies1765100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `COMMENT ON COLUMN log_chunk.body IS 'a packed batch, deflated, or as it is while it is small: the one that came, or what is kept as long of it, or of several'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `COMMENT ON COLUMN log_chunk.body IS 'a LogBatch, deflated, or JSON while it is small: the one that came, or what is kept as long of it, or of several'`,
    );
  }
}
