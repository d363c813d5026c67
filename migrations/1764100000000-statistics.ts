import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addHost, emptyHostSet, encodeHosts } from '../server/core/sketches/host-set.js';
import { addKey, emptyTops, type Tops } from '../server/core/sketches/tops.js';
import { encodeTops } from '../server/core/sketches/tops-column.js';
import { ByteReader } from '../server/core/windows/bytes.js';

const TENANT_TABLES = ['traffic_breakdown', 'rollup_mark', 'tenant_traffic'];

/**
 * Windows: numbers and breakdowns apart, so that a breakdown may go before its numbers, and numbers are read without
 * passing by the breakdowns. Those of a whole tenant stand under the nil UUID, which is no agent's.
 */
const WINDOWS = `
  ALTER TABLE traffic_window DROP CONSTRAINT traffic_window_tenant_id_agent_id_fkey;
  COMMENT ON COLUMN traffic_window.agent_id IS 'the nil UUID: all of the tenant''s agents together, from 1 hour up';
  COMMENT ON COLUMN traffic_window.resolution IS 'width in seconds: 10, 60, 3600, 86400; 2592000 stands for a calendar month, UTC';
  COMMENT ON COLUMN traffic_window.seconds IS 'bytes and hits by status class of each second (server/core/windows/encoding.ts); of 10-second windows alone';

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
    PRIMARY KEY (tenant_id, agent_id, resolution, start_ms)
  );
  COMMENT ON TABLE traffic_breakdown IS 'what a window''s hits were made of: a sketch a column (server/core/sketches), read only where asked for';

  CREATE TABLE rollup_mark (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    resolution integer NOT NULL,
    start_ms bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, agent_id, resolution, start_ms)
  );
  COMMENT ON TABLE rollup_mark IS 'windows that are dirty: to be computed anew from the next finer ones; so is every coarser window that holds them';

  ALTER TABLE agent
    ADD COLUMN hidden_at timestamptz,
    ADD COLUMN deleted_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN window_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}',
    ADD COLUMN breakdown_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}';
  COMMENT ON COLUMN agent.hidden_at IS 'deleted; its name and its streams'' positions stay, so that nothing comes back';
  COMMENT ON COLUMN agent.deleted_revision IS 'revision of the last deletion of statistics';
  COMMENT ON COLUMN agent.window_floors IS 'event ms below which windows of 10 s, 1 min, 1 h, 1 d, 1 month are not kept; only ever rises';
  COMMENT ON COLUMN agent.breakdown_floors IS 'the same of their breakdowns; never below window_floors';

  CREATE TABLE tenant_traffic (
    tenant_id uuid PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    window_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}',
    breakdown_floors bigint[] NOT NULL DEFAULT '{0,0,0,0,0}'
  );
  COMMENT ON TABLE tenant_traffic IS 'its row lock is the right to change windows of the whole tenant; floors as of an agent';
  INSERT INTO tenant_traffic (tenant_id) SELECT id FROM tenant;

  -- Deflated already: PostgreSQL need not try.
  ALTER TABLE log_chunk ALTER COLUMN body SET STORAGE EXTERNAL;
`;

const TOPS = [
  'top_section',
  'top_path',
  'top_host',
  'top_user',
  'top_method',
  'top_status',
  'top_referrer',
  'top_user_agent',
];

/** What a request may see: the tenants that its transaction was told, and nothing where it was told none. */
function isolation(table: string): string {
  return `
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = ANY (NULLIF(current_setting('hlm.tenants', true), '')::uuid[]));
  `;
}

/** Old tops were exact: each key's text, hits, bytes, 4xx, 5xx. */
function oldTops(column: Buffer): Tops {
  const tops = emptyTops();
  for (const reader = new ByteReader(column); !reader.done; ) {
    const key = reader.text();
    const [hits, bytes, clientErrors, serverErrors] = Array.from({ length: 4 }, () => reader.number());
    addKey(tops, key, { hits, bytes, clientErrors, serverErrors });
  }
  return tops;
}

/** Distinct clients of old windows: the keys of their tops, which were exact. */
function hostsOf({ keys }: Tops): Buffer {
  const hosts = emptyHostSet();
  for (const host of keys) addHost(hosts, host);
  return encodeHosts(hosts);
}

type OldRow = { tenant_id: string; agent_id: string; resolution: number; start_ms: string } & Record<string, Buffer>;

const KEY = ['tenant_id', 'agent_id', 'resolution', 'start_ms'];
const ROWS_AT_ONCE = 1_000;

/** Sizes and times were not sketched: those of old windows are not known. */
async function moveBreakdowns(runner: QueryRunner): Promise<void> {
  await runner.query(
    `DECLARE old CURSOR FOR SELECT tenant_id, agent_id, resolution, start_ms, ${TOPS.join(', ')} FROM traffic_window`,
  );
  for (;;) {
    const rows: OldRow[] = await runner.query(`FETCH ${ROWS_AT_ONCE} FROM old`);
    if (rows.length === 0) break;
    const tops = rows.map((row) => TOPS.map((name) => oldTops(row[name])));
    await runner.query(
      `INSERT INTO traffic_breakdown (size, duration, ${KEY.join(', ')}, hosts, ${TOPS.join(', ')})
       SELECT '', '', * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::bytea[],
         ${TOPS.map((_, i) => `$${i + 6}::bytea[]`).join(', ')})`,
      [
        ...KEY.map((name) => rows.map((row) => row[name])),
        tops.map((own) => hostsOf(own[TOPS.indexOf('top_host')])),
        ...TOPS.map((_, i) => tops.map((own) => encodeTops(own[i]))),
      ],
    );
  }
  await runner.query('CLOSE old');
}

export class Statistics1764100000000 implements MigrationInterface {
  name = 'Statistics1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(WINDOWS);
    await moveBreakdowns(runner);
    await runner.query(`ALTER TABLE traffic_window ${TOPS.map((name) => `DROP COLUMN ${name}`).join(', ')}`);
    await runner.query(
      `INSERT INTO rollup_mark (tenant_id, agent_id, resolution, start_ms)
       SELECT DISTINCT tenant_id, agent_id, 60, start_ms - mod(start_ms, 60000) FROM traffic_window`,
    );
    for (const table of TENANT_TABLES) await runner.query(isolation(table));
  }

  async down(): Promise<void> {
    throw new Error('statistics that were rolled up cannot be unrolled: restore a backup');
  }
}
