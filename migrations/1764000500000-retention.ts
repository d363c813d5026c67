import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['retention', 'retention_policy'];

const RETENTION = `
  CREATE TABLE retention (
    tenant_id uuid PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    version integer NOT NULL DEFAULT 1,
    default_seconds integer NOT NULL DEFAULT 3600,
    windows jsonb NOT NULL DEFAULT '{"10": {"keep": null, "keepBreakdowns": 172800}, "60": {"keep": null, "keepBreakdowns": 1209600}}'
  );
  COMMENT ON COLUMN retention.version IS 'grows with each change: chunks of an older one are laid out anew';
  COMMENT ON COLUMN retention.windows IS 'by resolution in seconds: {"keep": seconds, "keepBreakdowns": seconds}; absent: for ever';

  CREATE TABLE retention_policy (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    place integer NOT NULL,
    name text NOT NULL,
    filter jsonb NOT NULL,
    agent_ids uuid[] NOT NULL DEFAULT '{}',
    keep_seconds integer NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, place) DEFERRABLE INITIALLY DEFERRED
  );
  COMMENT ON COLUMN retention_policy.place IS 'the first that matches wins';

  ALTER TABLE log_chunk
    ADD COLUMN visible_from timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN keep_seconds integer NOT NULL DEFAULT 3600,
    ADD COLUMN retention_version integer NOT NULL DEFAULT 0,
    ADD COLUMN ordinals bytea;
  CREATE INDEX log_chunk_version ON log_chunk (tenant_id, retention_version, expires_at);
  COMMENT ON COLUMN log_chunk.visible_from IS 'when the chunk expires that holds these entries until then';
  COMMENT ON COLUMN log_chunk.entries IS 'those that are kept just so long: none counts in two chunks';
  COMMENT ON COLUMN log_chunk.retention_version IS 'of the policies by which it was laid out';
  COMMENT ON COLUMN log_chunk.ordinals IS 'places of the entries in the batch as it came; null: all of it, in order';

  INSERT INTO retention (tenant_id) SELECT id FROM tenant;
  INSERT INTO retention_policy (tenant_id, place, name, filter, keep_seconds)
    SELECT id, 1, 'Errors', '{"statusMin": 400}', 604800 FROM tenant;
`;

/** What a request may see: the tenants that its transaction was told, and nothing where it was told none. */
function isolation(table: string): string {
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
  `;
}

export class Retention1764000500000 implements MigrationInterface {
  name = 'Retention1764000500000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RETENTION);
    for (const table of TENANT_TABLES) await runner.query(isolation(table));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM log_chunk WHERE ordinals IS NOT NULL;
      ALTER TABLE log_chunk DROP COLUMN visible_from, DROP COLUMN keep_seconds, DROP COLUMN retention_version, DROP COLUMN ordinals;
      DROP TABLE retention_policy, retention;
    `);
  }
}
