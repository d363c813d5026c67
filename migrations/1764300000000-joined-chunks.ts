import type { MigrationInterface, QueryRunner } from 'typeorm';

const JOINED_CHUNKS = `
  ALTER TABLE log_chunk ADD COLUMN parts bytea, ADD COLUMN join_at timestamptz;
  -- Due chunks are found, however many are not.
  CREATE INDEX log_chunk_join ON log_chunk (join_at) WHERE join_at IS NOT NULL;
  COMMENT ON COLUMN log_chunk.parts IS 'batches of the entries, and how many of each; null: all are of the one that the key names';
  COMMENT ON COLUMN log_chunk.ordinals IS 'places of the entries in their batches as they came; null: those from the first on, in order';
  COMMENT ON COLUMN log_chunk.join_at IS 'when it is joined with its stream''s others of the same instant and keep; null: never';
  COMMENT ON COLUMN log_chunk.taken_in_at IS 'of several batches, when the newest was';
  COMMENT ON COLUMN log_chunk.body IS 'a LogBatch, deflated, or JSON while it is small: the one that came, or what is kept as long of it, or of several';
`;

/** Chunks that are there already stay as they are until they expire. */
export class JoinedChunks1764300000000 implements MigrationInterface {
  name = 'JoinedChunks1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(JOINED_CHUNKS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM log_chunk WHERE parts IS NOT NULL;
      ALTER TABLE log_chunk DROP COLUMN parts, DROP COLUMN join_at;
    `);
  }
}
