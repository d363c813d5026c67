import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables whose rows belong to a tenant: row-level security is on for all of them. */
const TENANT_TABLES = [
  'tenant_counter',
  'token',
  'agent',
  'stream',
  'log_chunk',
  'traffic_window',
  'alert_rule',
  'alert_state',
  'alert_event',
];

const ACCOUNTS = `
  CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    incarnation uuid NOT NULL DEFAULT gen_random_uuid()
  );
  INSERT INTO installation DEFAULT VALUES;

  CREATE TABLE tenant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
  );

  CREATE TABLE tenant_counter (
    tenant_id uuid PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    alert_events bigint NOT NULL DEFAULT 0
  );
  COMMENT ON COLUMN tenant_counter.alert_events IS 'number of the latest alert event: gapless, taken inside its transaction';

  CREATE TABLE token (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('OPERATOR', 'ADMIN', 'VIEWER', 'AGENT')),
    secret_hash bytea NOT NULL,
    agent_name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, id)
  );
  CREATE INDEX token_secret_hash ON token (secret_hash);
  COMMENT ON COLUMN token.secret_hash IS 'SHA-256 of the secret, which is shown once and kept nowhere';
`;

const AGENTS = `
  CREATE TABLE agent (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    hostname text,
    version text,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    last_batch_at timestamptz,
    ended_at timestamptz,
    first_event_ms bigint,
    last_event_ms bigint,
    watermark_ms bigint,
    backlog_bytes bigint,
    clock_skew_ms double precision,
    revision bigint NOT NULL DEFAULT 0,
    alert_clock_ms bigint,
    alert_rested boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
  );
  CREATE INDEX agent_awake ON agent (tenant_id, id) WHERE NOT alert_rested;
  COMMENT ON TABLE agent IS 'its row lock is the right to change anything of the agent: positions, windows, chunks, alert states';
  COMMENT ON COLUMN agent.revision IS 'grows with every append; windows take it as theirs';

  CREATE TABLE stream (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    scripted boolean NOT NULL DEFAULT false,
    position bigint NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    head_length integer,
    head_sha256 text,
    tail_length integer,
    tail_sha256 text,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    ended boolean NOT NULL DEFAULT false,
    backlog_bytes bigint,
    catching_up boolean NOT NULL DEFAULT false,
    newest_event_ms bigint,
    last_batch_at timestamptz,
    last_heartbeat_at timestamptz,
    caught_up_at timestamptz,
    accepted bigint NOT NULL DEFAULT 0,
    malformed bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    duplicate_batches bigint NOT NULL DEFAULT 0,
    rejections jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, agent_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id) ON DELETE CASCADE
  ) WITH (fillfactor = 70);
  CREATE UNIQUE INDEX stream_scripted_name ON stream (tenant_id, agent_id, name) WHERE scripted;
  COMMENT ON COLUMN stream.newest_event_ms IS 'taken as at most the server''s clock at receipt';
  COMMENT ON COLUMN stream.caught_up_at IS 'receipt of the last heartbeat that said: nothing behind';
`;

const TRAFFIC = `
  CREATE TABLE log_chunk (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    from_position bigint NOT NULL,
    class text NOT NULL CHECK (class IN ('hours', 'days', 'months')),
    expires_at timestamptz NOT NULL,
    taken_in_at timestamptz NOT NULL DEFAULT now(),
    first_ms bigint NOT NULL,
    last_ms bigint NOT NULL,
    entries integer NOT NULL,
    mask bytea,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, stream_id, from_position, class, expires_at)
  ) PARTITION BY LIST (class);
  CREATE INDEX log_chunk_newest ON log_chunk (tenant_id, last_ms DESC);
  COMMENT ON COLUMN log_chunk.mask IS 'a bit an entry, set where it is not to be read (refused by the checks)';
  COMMENT ON COLUMN log_chunk.body IS 'the LogBatch as it came, deflated';
  CREATE TABLE log_chunk_hours PARTITION OF log_chunk FOR VALUES IN ('hours') PARTITION BY RANGE (expires_at);
  CREATE TABLE log_chunk_days PARTITION OF log_chunk FOR VALUES IN ('days') PARTITION BY RANGE (expires_at);
  CREATE TABLE log_chunk_months PARTITION OF log_chunk FOR VALUES IN ('months') PARTITION BY RANGE (expires_at);

  CREATE TABLE traffic_window (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    resolution integer NOT NULL,
    start_ms bigint NOT NULL,
    revision bigint NOT NULL,
    hits bigint NOT NULL,
    bytes bigint NOT NULL,
    informational bigint NOT NULL,
    success bigint NOT NULL,
    redirection bigint NOT NULL,
    client_error bigint NOT NULL,
    server_error bigint NOT NULL,
    other bigint NOT NULL,
    peak bigint NOT NULL,
    seconds bytea,
    top_section bytea NOT NULL,
    top_path bytea NOT NULL,
    top_host bytea NOT NULL,
    top_user bytea NOT NULL,
    top_method bytea NOT NULL,
    top_status bytea NOT NULL,
    top_referrer bytea NOT NULL,
    top_user_agent bytea NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, resolution, start_ms),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id) ON DELETE CASCADE
  );
  COMMENT ON COLUMN traffic_window.resolution IS 'width in seconds: 10, 60, 3600, 86400';
  COMMENT ON COLUMN traffic_window.seconds IS 'hits, bytes, 4xx, 5xx of each second (server/core/windows/encoding.ts)';
  COMMENT ON COLUMN traffic_window.peak IS 'the greatest hits of one second';
`;

const ALERTS = `
  CREATE TABLE alert_rule (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    agent_ids uuid[] NOT NULL DEFAULT '{}',
    metric text NOT NULL,
    window_seconds integer NOT NULL,
    comparison text NOT NULL,
    threshold double precision NOT NULL,
    recovery_threshold double precision,
    severity text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
  );
  COMMENT ON COLUMN alert_rule.version IS 'grows with each change but those of name and severity: states of an older one begin anew';

  CREATE TABLE alert_state (
    tenant_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    rule_version integer NOT NULL,
    firing boolean NOT NULL DEFAULT false,
    decided_until bigint,
    value double precision,
    started_by uuid,
    PRIMARY KEY (tenant_id, rule_id, agent_id),
    FOREIGN KEY (tenant_id, rule_id) REFERENCES alert_rule (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id) ON DELETE CASCADE
  );
  COMMENT ON COLUMN alert_state.decided_until IS 'the last decided event second';

  CREATE TABLE alert_event (
    tenant_id uuid NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    number bigint NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    rule_id uuid,
    rule_name text NOT NULL,
    agent_id uuid,
    agent_name text NOT NULL,
    type text NOT NULL,
    at_second bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    started_by uuid,
    value double precision NOT NULL,
    threshold double precision NOT NULL,
    severity text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (tenant_id, number),
    UNIQUE (tenant_id, id)
  );
  COMMENT ON COLUMN alert_event.number IS 'from tenant_counter: the order recorded, without gaps';
`;

/** What a request may see: the tenants that its transaction was told, and nothing where it was told none. */
function isolation(table: string): string {
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
  `;
}

export class Initial1764000000000 implements MigrationInterface {
  name = 'Initial1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ACCOUNTS);
    await runner.query(AGENTS);
    await runner.query(TRAFFIC);
    await runner.query(ALERTS);
    for (const table of TENANT_TABLES) await runner.query(isolation(table));
    await runner.query(`
      ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant_isolation ON tenant
        USING (id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [...TENANT_TABLES].reverse()) await runner.query(`DROP TABLE ${table} CASCADE`);
    await runner.query('DROP TABLE tenant, installation CASCADE');
  }
}
