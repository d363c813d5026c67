import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['app_user', 'audit_entry'];

const ACCOUNTS = `
  ALTER TABLE tenant
    ADD COLUMN agents_max integer CHECK (agents_max >= 0),
    ADD COLUMN entries_per_second_max integer CHECK (entries_per_second_max > 0),
    ADD COLUMN alert_rules_max integer CHECK (alert_rules_max >= 0),
    ADD COLUMN keep_logs_max_seconds bigint CHECK (keep_logs_max_seconds > 0),
    ADD COLUMN deleted_at timestamptz;
  COMMENT ON COLUMN tenant.agents_max IS 'the plan; this and the other _max columns: null is without limit';
  COMMENT ON COLUMN tenant.deleted_at IS 'its tokens are none any more, and a job removes all that it holds';
  ALTER TABLE tenant DROP CONSTRAINT tenant_name_key;
  CREATE UNIQUE INDEX tenant_name ON tenant (name) WHERE deleted_at IS NULL;

  CREATE TABLE app_user (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('OPERATOR', 'ADMIN', 'VIEWER')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
  );
  CREATE UNIQUE INDEX app_user_email ON app_user (tenant_id, lower(email));

  ALTER TABLE token
    ADD COLUMN user_id uuid,
    ADD FOREIGN KEY (tenant_id, user_id) REFERENCES app_user (tenant_id, id) ON DELETE CASCADE;

  CREATE TABLE audit_entry (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    number bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    actor_role text NOT NULL,
    actor_token_id uuid NOT NULL,
    action text NOT NULL,
    subject_id text,
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, number)
  );
  COMMENT ON COLUMN audit_entry.actor IS 'name of the user, or of the token where it is no user''s';
  COMMENT ON COLUMN audit_entry.subject IS 'name of what was changed, as it then was';
`;

/** As in the migrations before: what a request sees of a table are its tenants' rows. */
function isolation(table: string): string {
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
  `;
}

/** Users, plans of tenants, and who changed what. */
export class Accounts1764500000000 implements MigrationInterface {
  name = 'Accounts1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ACCOUNTS);
    for (const table of TENANT_TABLES) await runner.query(isolation(table));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE audit_entry;
      ALTER TABLE token DROP COLUMN user_id;
      DROP TABLE app_user;
      DELETE FROM tenant WHERE deleted_at IS NOT NULL;
      DROP INDEX tenant_name;
      ALTER TABLE tenant ADD UNIQUE (name), DROP COLUMN agents_max, DROP COLUMN entries_per_second_max,
        DROP COLUMN alert_rules_max, DROP COLUMN keep_logs_max_seconds, DROP COLUMN deleted_at;
    `);
  }
}
