import type { MigrationInterface, QueryRunner } from 'typeorm';

const TENANT_TABLES = ['notification_channel', 'notification', 'alert_evidence', 'silence'];

const NOTIFICATIONS = `
  CREATE TABLE notification_channel (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('EMAIL', 'SLACK', 'WEBHOOK')),
    target text NOT NULL,
    secret text,
    enabled boolean NOT NULL DEFAULT true,
    failures integer NOT NULL DEFAULT 0,
    broken_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
  );
  COMMENT ON COLUMN notification_channel.failures IS 'in a row; many of them break the channel for a while';

  ALTER TABLE alert_rule
    ADD COLUMN channel_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN silenced_until timestamptz;
  ALTER TABLE alert_event
    ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN counted jsonb,
    ADD COLUMN evidence_pending boolean NOT NULL DEFAULT false;
  COMMENT ON COLUMN alert_event.counted IS 'of an alert, which entries counted: {"windowSeconds", "filter"}';
  CREATE INDEX alert_event_evidence ON alert_event (recorded_at) WHERE evidence_pending;

  CREATE TABLE silence (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    rule_ids uuid[] NOT NULL DEFAULT '{}',
    agent_ids uuid[] NOT NULL DEFAULT '{}',
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
  );
  COMMENT ON TABLE silence IS 'of these rules over these agents (all where empty) nobody is told within it; a maintenance window lies ahead';

  CREATE TABLE alert_evidence (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    event_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    first_ms bigint NOT NULL,
    last_ms bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
  );
  COMMENT ON TABLE alert_evidence IS 'entries that counted towards an alert, kept as long as its event, whatever the retention';
  COMMENT ON COLUMN alert_evidence.entries IS 'JSON, deflated; the newest first';

  CREATE TABLE notification (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    channel_id uuid NOT NULL,
    event_id uuid,
    rule_id uuid,
    agent_id uuid,
    type text NOT NULL,
    started_by uuid,
    is_summary boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENT', 'FAILED', 'SILENCED')),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz,
    leased_until timestamptz,
    message_id uuid,
    sent_at timestamptz,
    PRIMARY KEY (tenant_id, id)
  );
  COMMENT ON TABLE notification IS 'the outbox: written in the transaction of the event, sent by server/notify';
  COMMENT ON COLUMN notification.message_id IS 'those of one message share it: its idempotency key';
  COMMENT ON COLUMN notification.due_at IS 'null: nothing will come of it any more';
  CREATE INDEX notification_due ON notification (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX notification_event ON notification (tenant_id, event_id);
  CREATE UNIQUE INDEX notification_summary ON notification (tenant_id, channel_id, rule_id, agent_id)
    WHERE is_summary AND message_id IS NULL AND status = 'PENDING';
`;

/** As in the migrations before: what a request sees of a table are its tenants' rows. */
function isolation(table: string): string {
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
  `;
}

/** Channels, and what is to be told on them. */
export class Notifications1764700000000 implements MigrationInterface {
  name = 'Notifications1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(NOTIFICATIONS);
    for (const table of TENANT_TABLES) await runner.query(isolation(table));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE notification, notification_channel, alert_evidence, silence;
      ALTER TABLE alert_event DROP COLUMN acknowledged_at, DROP COLUMN counted, DROP COLUMN evidence_pending;
      ALTER TABLE alert_rule DROP COLUMN channel_ids, DROP COLUMN silenced_until;
    `);
  }
}
