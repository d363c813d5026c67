-- The schema after the last migration, written by scripts/dump-schema.mjs: not to be edited, nor to be run.

CREATE TABLE agent (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  hostname text,
  version text,
  first_seen_at timestamp with time zone NOT NULL DEFAULT now(),
  last_seen_at timestamp with time zone NOT NULL DEFAULT now(),
  last_batch_at timestamp with time zone,
  ended_at timestamp with time zone,
  first_event_ms bigint,
  last_event_ms bigint,
  watermark_ms bigint,
  backlog_bytes bigint,
  clock_skew_ms double precision,
  revision bigint NOT NULL DEFAULT 0,
  alert_clock_ms bigint,
  alert_rested boolean NOT NULL DEFAULT true,
  hidden_at timestamp with time zone,
  deleted_revision bigint NOT NULL DEFAULT 0,
  window_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}'::bigint[],
  breakdown_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}'::bigint[],
  counts_rules boolean NOT NULL DEFAULT false,
  resumed_at timestamp with time zone,
  alert_revision bigint NOT NULL DEFAULT 0,
  counts_read_revision bigint NOT NULL DEFAULT 0,
  counts_changed_ms bigint,
  CONSTRAINT agent_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT agent_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE,
  CONSTRAINT agent_tenant_id_name_key UNIQUE (tenant_id, name)
);
CREATE INDEX agent_awake ON public.agent USING btree (tenant_id, id) WHERE (NOT alert_rested);
ALTER TABLE agent ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON agent TO hlm_app;
COMMENT ON TABLE agent IS 'its row lock is the right to change anything of the agent: positions, windows, chunks, alert states';
COMMENT ON COLUMN agent.revision IS 'grows with every append; windows take it as theirs';
COMMENT ON COLUMN agent.hidden_at IS 'deleted; its name and its streams'' positions stay, so that nothing comes back';
COMMENT ON COLUMN agent.deleted_revision IS 'revision of the last deletion of statistics';
COMMENT ON COLUMN agent.window_floors IS 'event ms below which windows of 10 s, 1 min, 1 h, 1 d, 1 month are not kept; only ever rises';
COMMENT ON COLUMN agent.breakdown_floors IS 'the same of their breakdowns; never below window_floors';
COMMENT ON COLUMN agent.counts_rules IS 'false: no alert_state of it has a counted_from';
COMMENT ON COLUMN agent.resumed_at IS 'when it was last heard of again after it had ended on purpose';
COMMENT ON COLUMN agent.alert_revision IS 'grows with each change of an alert rule or state that is about it';
COMMENT ON COLUMN agent.counts_read_revision IS 'the revision as of which counts were last read for alerts';
COMMENT ON COLUMN agent.counts_changed_ms IS 'the oldest entry that came in since; null: none';

CREATE TABLE alert_event (
  tenant_id uuid NOT NULL,
  number bigint NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  rule_id uuid,
  rule_name text NOT NULL,
  agent_id uuid,
  agent_name text NOT NULL,
  type text NOT NULL,
  at_second bigint NOT NULL,
  recorded_at timestamp with time zone NOT NULL DEFAULT now(),
  started_by uuid,
  value double precision NOT NULL,
  threshold double precision NOT NULL,
  severity text NOT NULL,
  message text NOT NULL,
  acknowledged_at timestamp with time zone,
  counted jsonb,
  evidence_pending boolean NOT NULL DEFAULT false,
  flapping_until bigint,
  CONSTRAINT alert_event_pkey PRIMARY KEY (tenant_id, number),
  CONSTRAINT alert_event_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE,
  CONSTRAINT alert_event_tenant_id_id_key UNIQUE (tenant_id, id)
);
CREATE INDEX alert_event_evidence ON public.alert_event USING btree (recorded_at) WHERE evidence_pending;
ALTER TABLE alert_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON alert_event USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON alert_event TO hlm_app;
COMMENT ON COLUMN alert_event.number IS 'from tenant_counter: the order recorded, without gaps';
COMMENT ON COLUMN alert_event.counted IS 'of an alert, which entries counted: {"windowSeconds", "filter"}';
COMMENT ON COLUMN alert_event.flapping_until IS 'event second; null: it does not flap, and is told on its own';

CREATE TABLE alert_evidence (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  entries bytea NOT NULL,
  CONSTRAINT alert_evidence_pkey PRIMARY KEY (tenant_id, event_id),
  CONSTRAINT alert_evidence_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE alert_evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON alert_evidence USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON alert_evidence TO hlm_app;
COMMENT ON TABLE alert_evidence IS 'entries that counted towards an alert, kept as long as its event, whatever the retention';
COMMENT ON COLUMN alert_evidence.entries IS 'JSON, deflated; the newest first';

CREATE TABLE alert_rule (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  agent_ids uuid[] NOT NULL DEFAULT '{}'::uuid[],
  metric text NOT NULL,
  window_seconds integer NOT NULL,
  comparison text NOT NULL,
  threshold double precision NOT NULL,
  recovery_threshold double precision,
  severity text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  filter jsonb,
  filter_version integer NOT NULL DEFAULT 1,
  min_hits bigint NOT NULL DEFAULT 0,
  no_data_after bigint,
  channel_ids uuid[] NOT NULL DEFAULT '{}'::uuid[],
  silenced_until timestamp with time zone,
  flap_detection boolean NOT NULL DEFAULT true,
  remind_every bigint,
  CONSTRAINT alert_rule_min_hits_check CHECK ((min_hits >= 0)),
  CONSTRAINT alert_rule_no_data_after_check CHECK ((no_data_after > 0)),
  CONSTRAINT alert_rule_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT alert_rule_remind_every_check CHECK ((remind_every > 0)),
  CONSTRAINT alert_rule_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE alert_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON alert_rule USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON alert_rule TO hlm_app;
COMMENT ON COLUMN alert_rule.version IS 'grows with each change but those of name and severity: states of an older one begin anew';
COMMENT ON COLUMN alert_rule.filter_version IS 'the version since which it counts what it counts: its filter, and whether response times';

CREATE TABLE alert_state (
  tenant_id uuid NOT NULL,
  rule_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  rule_version integer NOT NULL,
  firing boolean NOT NULL DEFAULT false,
  decided_until bigint,
  value double precision,
  started_by uuid,
  counted_from bigint,
  no_data_by uuid,
  no_data_since_ms bigint,
  flapping jsonb,
  CONSTRAINT alert_state_pkey PRIMARY KEY (tenant_id, rule_id, agent_id),
  CONSTRAINT alert_state_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agent(tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT alert_state_tenant_id_rule_id_fkey FOREIGN KEY (tenant_id, rule_id) REFERENCES alert_rule(tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE alert_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON alert_state USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON alert_state TO hlm_app;
COMMENT ON COLUMN alert_state.decided_until IS 'the last decided event second';
COMMENT ON COLUMN alert_state.counted_from IS 'the event second from which on all that a filtered rule admits is in rule_seconds; null: batches are not counted for it';
COMMENT ON COLUMN alert_state.no_data_by IS 'the event that said that the agent is silent; null: it is not';
COMMENT ON COLUMN alert_state.no_data_since_ms IS 'receipt of the last batch before that';
COMMENT ON COLUMN alert_state.flapping IS 'the latest transitions: {"recent": event seconds, "until": the one until which it flaps}';

CREATE TABLE app_user (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  email text NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT app_user_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT app_user_role_check CHECK ((role = ANY (ARRAY['OPERATOR'::text, 'ADMIN'::text, 'VIEWER'::text]))),
  CONSTRAINT app_user_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX app_user_email ON public.app_user USING btree (tenant_id, lower(email));
ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON app_user USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON app_user TO hlm_app;

CREATE TABLE audit_entry (
  tenant_id uuid NOT NULL,
  number bigint NOT NULL GENERATED AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  actor_role text NOT NULL,
  actor_token_id uuid NOT NULL,
  action text NOT NULL,
  subject_id text,
  subject text NOT NULL,
  details jsonb NOT NULL DEFAULT '{}'::jsonb,
  CONSTRAINT audit_entry_pkey PRIMARY KEY (tenant_id, number),
  CONSTRAINT audit_entry_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_entry USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON audit_entry TO hlm_app;
COMMENT ON COLUMN audit_entry.actor IS 'name of the user, or of the token where it is no user''s';
COMMENT ON COLUMN audit_entry.subject IS 'name of what was changed, as it then was';

CREATE TABLE installation (
  only_row boolean NOT NULL DEFAULT true,
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  CONSTRAINT installation_only_row_check CHECK (only_row),
  CONSTRAINT installation_pkey PRIMARY KEY (only_row)
);
GRANT SELECT ON installation TO hlm_app;

CREATE TABLE log_chunk (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  from_position bigint NOT NULL,
  class text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  taken_in_at timestamp with time zone NOT NULL DEFAULT now(),
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  entries integer NOT NULL,
  mask bytea,
  body bytea NOT NULL,
  visible_from timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  keep_seconds integer NOT NULL DEFAULT 3600,
  retention_version integer NOT NULL DEFAULT 0,
  ordinals bytea,
  parts bytea,
  join_at timestamp with time zone,
  CONSTRAINT log_chunk_class_check CHECK ((class = ANY (ARRAY['hours'::text, 'days'::text, 'months'::text]))),
  CONSTRAINT log_chunk_pkey PRIMARY KEY (tenant_id, agent_id, stream_id, from_position, class, expires_at)
) PARTITION BY LIST (class);
CREATE INDEX log_chunk_join ON ONLY public.log_chunk USING btree (join_at) WHERE (join_at IS NOT NULL);
CREATE INDEX log_chunk_newest ON ONLY public.log_chunk USING btree (tenant_id, last_ms DESC);
CREATE INDEX log_chunk_version ON ONLY public.log_chunk USING btree (tenant_id, retention_version, expires_at);
ALTER TABLE log_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON log_chunk USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON log_chunk TO hlm_app;
COMMENT ON COLUMN log_chunk.taken_in_at IS 'of several batches, when the newest was';
COMMENT ON COLUMN log_chunk.entries IS 'those that are kept just so long: none counts in two chunks';
COMMENT ON COLUMN log_chunk.mask IS 'a bit an entry, set where it is not to be read (refused by the checks)';
COMMENT ON COLUMN log_chunk.body IS 'a packed batch, deflated, or as it is while it is small: the one that came, or what is kept as long of it, or of several';
COMMENT ON COLUMN log_chunk.visible_from IS 'when the chunk expires that holds these entries until then';
COMMENT ON COLUMN log_chunk.retention_version IS 'of the policies by which it was laid out';
COMMENT ON COLUMN log_chunk.ordinals IS 'places of the entries in their batches as they came; null: those from the first on, in order';
COMMENT ON COLUMN log_chunk.parts IS 'batches of the entries, and how many of each; null: all are of the one that the key names';
COMMENT ON COLUMN log_chunk.join_at IS 'when it is joined with its stream''s others of the same instant and keep; null: never';

CREATE TABLE log_chunk_days PARTITION OF log_chunk FOR VALUES IN ('days') PARTITION BY RANGE (expires_at);
ALTER TABLE log_chunk_days ENABLE ROW LEVEL SECURITY;

CREATE TABLE log_chunk_hours PARTITION OF log_chunk FOR VALUES IN ('hours') PARTITION BY RANGE (expires_at);
ALTER TABLE log_chunk_hours ENABLE ROW LEVEL SECURITY;

CREATE TABLE log_chunk_months PARTITION OF log_chunk FOR VALUES IN ('months') PARTITION BY RANGE (expires_at);
ALTER TABLE log_chunk_months ENABLE ROW LEVEL SECURITY;

CREATE TABLE migration (
  id integer NOT NULL DEFAULT nextval('migration_id_seq'::regclass),
  timestamp bigint NOT NULL,
  name character varying NOT NULL,
  CONSTRAINT PK_3043fc6b8af7c99b8b98830094f PRIMARY KEY (id)
);

CREATE TABLE notification (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  channel_id uuid NOT NULL,
  event_id uuid,
  rule_id uuid,
  agent_id uuid,
  type text NOT NULL,
  started_by uuid,
  is_summary boolean NOT NULL DEFAULT false,
  status text NOT NULL DEFAULT 'PENDING'::text,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  due_at timestamp with time zone,
  leased_until timestamp with time zone,
  message_id uuid,
  sent_at timestamp with time zone,
  number bigint NOT NULL GENERATED AS IDENTITY,
  reminder integer,
  CONSTRAINT notification_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT notification_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'SENT'::text, 'FAILED'::text, 'SILENCED'::text]))),
  CONSTRAINT notification_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
CREATE INDEX notification_due ON public.notification USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX notification_event ON public.notification USING btree (tenant_id, event_id);
CREATE INDEX notification_message ON public.notification USING btree (message_id) WHERE (due_at IS NOT NULL);
CREATE INDEX notification_turn ON public.notification USING btree (tenant_id, channel_id, rule_id, agent_id, number) WHERE (due_at IS NOT NULL);
CREATE UNIQUE INDEX notification_reminder ON public.notification USING btree (tenant_id, channel_id, event_id, reminder) WHERE (reminder IS NOT NULL);
CREATE UNIQUE INDEX notification_settled ON public.notification USING btree (tenant_id, channel_id, rule_id, agent_id) WHERE ((type = 'SETTLED'::text) AND (message_id IS NULL) AND (due_at IS NOT NULL));
CREATE UNIQUE INDEX notification_summary ON public.notification USING btree (tenant_id, channel_id, rule_id, agent_id) WHERE (is_summary AND (message_id IS NULL) AND (status = 'PENDING'::text));
ALTER TABLE notification ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON notification USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON notification TO hlm_app;
COMMENT ON TABLE notification IS 'the outbox: written in the transaction of the event, sent by server/notify';
COMMENT ON COLUMN notification.due_at IS 'null: nothing will come of it any more';
COMMENT ON COLUMN notification.message_id IS 'those of one message share it: its idempotency key';
COMMENT ON COLUMN notification.number IS 'of one rule and agent, on one channel they are sent in this order';
COMMENT ON COLUMN notification.reminder IS 'which of its event on its channel, from 1';

CREATE TABLE notification_channel (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  kind text NOT NULL,
  target text NOT NULL,
  secret text,
  enabled boolean NOT NULL DEFAULT true,
  failures integer NOT NULL DEFAULT 0,
  broken_until timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT notification_channel_kind_check CHECK ((kind = ANY (ARRAY['EMAIL'::text, 'SLACK'::text, 'WEBHOOK'::text]))),
  CONSTRAINT notification_channel_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT notification_channel_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE notification_channel ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON notification_channel USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON notification_channel TO hlm_app;
COMMENT ON COLUMN notification_channel.failures IS 'in a row; many of them break the channel for a while';

CREATE TABLE retention (
  tenant_id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1,
  default_seconds integer NOT NULL DEFAULT 3600,
  windows jsonb NOT NULL DEFAULT '{"10": {"keep": null, "keepBreakdowns": 172800}, "60": {"keep": null, "keepBreakdowns": 1209600}}'::jsonb,
  CONSTRAINT retention_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT retention_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE retention ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON retention USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON retention TO hlm_app;
COMMENT ON COLUMN retention.version IS 'grows with each change: chunks of an older one are laid out anew';
COMMENT ON COLUMN retention.windows IS 'by resolution in seconds: {"keep": seconds, "keepBreakdowns": seconds}; absent: for ever';

CREATE TABLE retention_policy (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  place integer NOT NULL,
  name text NOT NULL,
  filter jsonb NOT NULL,
  agent_ids uuid[] NOT NULL DEFAULT '{}'::uuid[],
  keep_seconds integer NOT NULL,
  CONSTRAINT retention_policy_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT retention_policy_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE,
  CONSTRAINT retention_policy_tenant_id_place_key UNIQUE (tenant_id, place) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE retention_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON retention_policy USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON retention_policy TO hlm_app;
COMMENT ON COLUMN retention_policy.place IS 'the first that matches wins';

CREATE TABLE rollup_mark (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  resolution integer NOT NULL,
  start_ms bigint NOT NULL,
  marked_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT rollup_mark_pkey PRIMARY KEY (tenant_id, agent_id, resolution, start_ms)
);
ALTER TABLE rollup_mark ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON rollup_mark USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON rollup_mark TO hlm_app;
COMMENT ON TABLE rollup_mark IS 'windows that are dirty: to be computed anew from the next finer ones; so is every coarser window that holds them';

CREATE TABLE rule_seconds (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  rule_id uuid NOT NULL,
  start_ms bigint NOT NULL,
  filter_version integer NOT NULL,
  revision bigint NOT NULL,
  seconds bytea NOT NULL,
  durations bytea NOT NULL DEFAULT '\x'::bytea,
  CONSTRAINT rule_seconds_pkey PRIMARY KEY (tenant_id, agent_id, rule_id, start_ms)
);
ALTER TABLE rule_seconds ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON rule_seconds USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON rule_seconds TO hlm_app;
COMMENT ON TABLE rule_seconds IS 'what a filtered rule admits of an agent, as traffic_window.seconds: windows of 10 seconds that have a hit, a day and two hours back from its alert clock';
COMMENT ON COLUMN rule_seconds.durations IS 'response times of each second by the bins of a DDSketch; empty: none was counted';

CREATE TABLE silence (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  rule_ids uuid[] NOT NULL DEFAULT '{}'::uuid[],
  agent_ids uuid[] NOT NULL DEFAULT '{}'::uuid[],
  from_at timestamp with time zone NOT NULL,
  until_at timestamp with time zone NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT silence_check CHECK ((until_at > from_at)),
  CONSTRAINT silence_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT silence_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE silence ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON silence USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON silence TO hlm_app;
COMMENT ON TABLE silence IS 'of these rules over these agents (all where empty) nobody is told within it; a maintenance window lies ahead';

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
  opened_at timestamp with time zone NOT NULL DEFAULT now(),
  closed_at timestamp with time zone,
  ended boolean NOT NULL DEFAULT false,
  backlog_bytes bigint,
  catching_up boolean NOT NULL DEFAULT false,
  newest_event_ms bigint,
  last_batch_at timestamp with time zone,
  last_heartbeat_at timestamp with time zone,
  caught_up_at timestamp with time zone,
  accepted bigint NOT NULL DEFAULT 0,
  malformed bigint NOT NULL DEFAULT 0,
  quarantined bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  late bigint NOT NULL DEFAULT 0,
  duplicate_batches bigint NOT NULL DEFAULT 0,
  rejections jsonb NOT NULL DEFAULT '[]'::jsonb,
  CONSTRAINT stream_pkey PRIMARY KEY (tenant_id, agent_id, id),
  CONSTRAINT stream_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agent(tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor=70);
CREATE UNIQUE INDEX stream_scripted_name ON public.stream USING btree (tenant_id, agent_id, name) WHERE scripted;
ALTER TABLE stream ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON stream USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON stream TO hlm_app;
COMMENT ON COLUMN stream.newest_event_ms IS 'taken as at most the server''s clock at receipt';
COMMENT ON COLUMN stream.caught_up_at IS 'receipt of the last heartbeat that said: nothing behind';

CREATE TABLE tenant (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  agents_max integer,
  entries_per_second_max integer,
  alert_rules_max integer,
  keep_logs_max_seconds bigint,
  deleted_at timestamp with time zone,
  CONSTRAINT tenant_agents_max_check CHECK ((agents_max >= 0)),
  CONSTRAINT tenant_alert_rules_max_check CHECK ((alert_rules_max >= 0)),
  CONSTRAINT tenant_entries_per_second_max_check CHECK ((entries_per_second_max > 0)),
  CONSTRAINT tenant_keep_logs_max_seconds_check CHECK ((keep_logs_max_seconds > 0)),
  CONSTRAINT tenant_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX tenant_name ON public.tenant USING btree (name) WHERE (deleted_at IS NULL);
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenant USING (id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT SELECT ON tenant TO hlm_app;
COMMENT ON COLUMN tenant.agents_max IS 'the plan; this and the other _max columns: null is without limit';
COMMENT ON COLUMN tenant.deleted_at IS 'its tokens are none any more, and a job removes all that it holds';

CREATE TABLE tenant_counter (
  tenant_id uuid NOT NULL,
  alert_events bigint NOT NULL DEFAULT 0,
  CONSTRAINT tenant_counter_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT tenant_counter_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE tenant_counter ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenant_counter USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant_counter TO hlm_app;
COMMENT ON COLUMN tenant_counter.alert_events IS 'number of the latest alert event: gapless, taken inside its transaction';

CREATE TABLE tenant_traffic (
  tenant_id uuid NOT NULL,
  window_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}'::bigint[],
  breakdown_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}'::bigint[],
  CONSTRAINT tenant_traffic_pkey PRIMARY KEY (tenant_id),
  CONSTRAINT tenant_traffic_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE
);
ALTER TABLE tenant_traffic ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenant_traffic USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant_traffic TO hlm_app;
COMMENT ON TABLE tenant_traffic IS 'its row lock is the right to change windows of the whole tenant; floors as of an agent';

CREATE TABLE token (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  role text NOT NULL,
  secret_hash bytea NOT NULL,
  agent_name text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  last_used_at timestamp with time zone,
  expires_at timestamp with time zone,
  user_id uuid,
  CONSTRAINT token_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT token_role_check CHECK ((role = ANY (ARRAY['OPERATOR'::text, 'ADMIN'::text, 'VIEWER'::text, 'AGENT'::text]))),
  CONSTRAINT token_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id) ON DELETE CASCADE,
  CONSTRAINT token_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES app_user(tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX token_secret_hash ON public.token USING btree (secret_hash);
ALTER TABLE token ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON token USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON token TO hlm_app;
COMMENT ON COLUMN token.secret_hash IS 'SHA-256 of the secret, which is shown once and kept nowhere';

CREATE TABLE traffic_breakdown (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  resolution integer NOT NULL,
  start_ms bigint NOT NULL,
  size bytea NOT NULL,
  duration bytea NOT NULL,
  hosts bytea NOT NULL,
  top_section bytea NOT NULL,
  top_path bytea NOT NULL,
  top_host bytea NOT NULL,
  top_user bytea NOT NULL,
  top_method bytea NOT NULL,
  top_status bytea NOT NULL,
  top_referrer bytea NOT NULL,
  top_user_agent bytea NOT NULL,
  CONSTRAINT traffic_breakdown_pkey PRIMARY KEY (tenant_id, agent_id, resolution, start_ms)
) WITH (toast_tuple_target=8160);
ALTER TABLE traffic_breakdown ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON traffic_breakdown USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON traffic_breakdown TO hlm_app;
COMMENT ON TABLE traffic_breakdown IS 'what a window''s hits were made of: a sketch a column (server/core/sketches), read only where asked for';

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
  CONSTRAINT traffic_window_pkey PRIMARY KEY (tenant_id, agent_id, resolution, start_ms)
);
ALTER TABLE traffic_window ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON traffic_window USING (tenant_id = ANY ((NULLIF(current_setting('hlm.tenants'::text, true), ''::text))::uuid[]));
GRANT DELETE, INSERT, SELECT, UPDATE ON traffic_window TO hlm_app;
COMMENT ON COLUMN traffic_window.agent_id IS 'the nil UUID: all of the tenant''s agents together, from 1 hour up';
COMMENT ON COLUMN traffic_window.resolution IS 'width in seconds: 10, 60, 3600, 86400; 2592000 stands for a calendar month, UTC';
COMMENT ON COLUMN traffic_window.peak IS 'the greatest hits of one second';
COMMENT ON COLUMN traffic_window.seconds IS 'bytes and hits by status class of each second (server/core/windows/encoding.ts); of 10-second windows alone';
