import type { MigrationInterface, QueryRunner } from 'typeorm';

const RULES = `
  ALTER TABLE alert_rule
    ADD COLUMN filter jsonb,
    ADD COLUMN filter_version integer NOT NULL DEFAULT 1,
    ADD COLUMN min_hits bigint NOT NULL DEFAULT 0 CHECK (min_hits >= 0),
    ADD COLUMN no_data_after bigint CHECK (no_data_after > 0);
  COMMENT ON COLUMN alert_rule.filter_version IS 'the version since which it has its filter';

  ALTER TABLE alert_state
    ADD COLUMN counted_from bigint,
    ADD COLUMN no_data_by uuid,
    ADD COLUMN no_data_since_ms bigint;
  COMMENT ON COLUMN alert_state.counted_from IS 'the event second from which on all that a filtered rule admits is in rule_seconds; null: batches are not counted for it';

  COMMENT ON COLUMN alert_state.no_data_by IS 'the event that said that the agent is silent; null: it is not';
  COMMENT ON COLUMN alert_state.no_data_since_ms IS 'receipt of the last batch before that';

  ALTER TABLE agent
    ADD COLUMN counts_rules boolean NOT NULL DEFAULT false,
    ADD COLUMN resumed_at timestamptz;
  COMMENT ON COLUMN agent.resumed_at IS 'when it was last heard of again after it had ended on purpose';
  COMMENT ON COLUMN agent.counts_rules IS 'false: no alert_state of it has a counted_from';

  CREATE TABLE rule_seconds (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    start_ms bigint NOT NULL,
    filter_version integer NOT NULL,
    revision bigint NOT NULL,
    seconds bytea NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, rule_id, start_ms)
  );
  COMMENT ON TABLE rule_seconds IS 'what a filtered rule admits of an agent, as traffic_window.seconds: windows of 10 seconds that have a hit, a day and two hours back from its alert clock';
`;

/** As in the migrations before: what a request sees of a table are its tenants' rows. */
const ISOLATION = `
  ALTER TABLE rule_seconds ENABLE ROW LEVEL SECURITY;
  CREATE POLICY tenant_isolation ON rule_seconds
    USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
`;

/** Alert rules over some of the entries, counted as they come in. */
export class RuleFilters1764650000000 implements MigrationInterface {
  name = 'RuleFilters1764650000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RULES);
    await runner.query(ISOLATION);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE rule_seconds;
      ALTER TABLE agent DROP COLUMN counts_rules, DROP COLUMN resumed_at;
      ALTER TABLE alert_state DROP COLUMN counted_from, DROP COLUMN no_data_by, DROP COLUMN no_data_since_ms;
      DELETE FROM alert_rule WHERE filter IS NOT NULL;
      ALTER TABLE alert_rule DROP COLUMN filter, DROP COLUMN filter_version, DROP COLUMN min_hits,
        DROP COLUMN no_data_after;
    `);
  }
}
