import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A plan that keeps raw entries for less, or for longer again, is a change of what is kept: chunks follow as they follow
 * policies, whoever changes the plan.
 */
const KEEPING = `
  CREATE FUNCTION plan_changes_keeping() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE retention SET version = version + 1 WHERE tenant_id = NEW.id;
    RETURN NEW;
  END $$;
  CREATE TRIGGER plan_changes_keeping AFTER UPDATE OF keep_logs_max_seconds ON tenant FOR EACH ROW
    WHEN (OLD.keep_logs_max_seconds IS DISTINCT FROM NEW.keep_logs_max_seconds)
    EXECUTE FUNCTION plan_changes_keeping();
`;

/**
 * A partition asked for by its own name would not have its table's policy: it shows nothing to anyone but its owner.
 */
const PARTITIONS = `
  DO $$
  DECLARE part regclass;
  BEGIN
    FOR part IN SELECT relid FROM pg_partition_tree('log_chunk') WHERE level > 0 LOOP
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', part);
    END LOOP;
  END $$;
`;

/** Plans of tenants take effect; partitions are walled as their tables are. */
export class Plans1764600000000 implements MigrationInterface {
  name = 'Plans1764600000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(KEEPING);
    await runner.query(PARTITIONS);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(PARTITIONS.replace('ENABLE', 'DISABLE'));
    await runner.query('DROP TRIGGER plan_changes_keeping ON tenant; DROP FUNCTION plan_changes_keeping');
  }
}
