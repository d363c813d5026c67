import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { UserError } from '../../schema/user-error.js';
import { exhausted } from '../errors.js';
import { allEnded } from './all-ended.js';
import { ownerDataSource, requestDataSource } from './data-source.js';
import { parameterOf } from './parameter.js';

/** Any number; the same for all servers, so that one migrates while the others wait. */
const MIGRATION_LOCK = 7_461_001;
const REQUEST_ROLE = 'hlm_app';
const CANCEL_AGAIN_MS = 50;
const SETTINGS = "SELECT set_config('hlm.tenants', $1, true), set_config('transaction_read_only', $2, true)";
/** PostgreSQL 15: the oldest that the tests know to work. */
const SERVER_VERSION_MIN = 150_000;

/**
 * Runs SQL in one transaction: hot paths by `sql`, all else by TypeORM's `manager`.
 *
 * `name`: the statement is planned once a connection, whatever its values; only for one whose plan is the same for all.
 *
 * Statements are done in the order in which they are sent. Within tenants several may be sent at once, by `allEnded`: then
 * the one is done while the next is still being made, and none waits for the way there and back.
 */
export interface Transaction {
  sql: <Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: unknown[],
    options?: { name?: string },
  ) => Promise<Row[]>;
  manager: EntityManager;
}

/**
 * The way to the database.
 *
 * `inTenants` is the one way to run SQL for a request, a subscription or a tenant's job: a transaction that has been
 * told its tenants, under row-level security. `owner` is for what stands above tenants, and no request reaches it.
 */
export class Database {
  private constructor(
    readonly owner: DataSource,
    private readonly requests: DataSource,
    readonly url: string,
  ) {}

  /**
   * Connects, migrates, and makes sure that requests run without the owner's rights.
   *
   * @throws UserError where the database cannot be reached or is too old.
   */
  static async open(url: string): Promise<Database> {
    const owner = ownerDataSource(url);
    try {
      await owner.initialize();
    } catch (error) {
      throw new UserError(`cannot connect to PostgreSQL: ${(error as Error).message}`);
    }
    try {
      await checkVersion(owner);
      const role = await migrate(owner);
      const requests = requestDataSource(url, role);
      await requests.initialize();
      return new Database(owner, requests, url);
    } catch (error) {
      await owner.destroy();
      throw error;
    }
  }

  /**
   * One transaction for these tenants. Rolled back where `work` throws.
   *
   * `snapshot`: all its statements see the same state (REPEATABLE READ), and it writes nothing. `signal`: aborted, its
   * statement is cancelled, and it is rolled back.
   */
  async inTenants<Result>(
    tenantIds: readonly string[],
    work: (tx: Transaction) => Promise<Result>,
    { snapshot = false, signal }: { snapshot?: boolean; signal?: AbortSignal } = {},
  ): Promise<Result> {
    return this.onRequests(snapshot, async (client, manager) => {
      let isOpen = true;
      const sql: Transaction['sql'] = async (text, values, { name } = {}) => {
        if (signal?.aborted) throw exhausted(0);
        // The connection may be another's by then.
        if (!isOpen) throw new Error('a statement after the end of its transaction');
        return (await client.query({ text, values: values?.map(parameterOf), name })).rows as never;
      };
      const settings = [`{${tenantIds.join(',')}}`, snapshot ? 'on' : 'off'];
      const inside = async () => {
        const told = sql(SETTINGS, settings, { name: 'settings' });
        return (await allEnded([told, work({ sql, manager })]))[1];
      };
      try {
        return await (signal === undefined ? inside() : this.cancellable(client, signal, inside));
      } finally {
        isOpen = false;
      }
    });
  }

  /** A transaction on a requests' connection. TypeORM's own would go there and back twice before its first statement. */
  private async onRequests<Result>(
    snapshot: boolean,
    work: (client: pg.PoolClient, manager: EntityManager) => Promise<Result>,
  ): Promise<Result> {
    const runner = this.requests.createQueryRunner();
    try {
      const client = (await runner.connect()) as pg.PoolClient;
      // So that TypeORM begins none of its own.
      (runner as { isTransactionActive: boolean }).isTransactionActive = true;
      try {
        const begun = client.query(snapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN');
        const [, result] = await allEnded([begun, work(client, runner.manager)]);
        const { command } = await client.query('COMMIT');
        if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement of it had failed');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    } finally {
      await runner.release();
    }
  }

  /** One transaction of the owner's, above all tenants: for operators and jobs, never for what a tenant asks. */
  async aboveTenants<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.owner.transaction(async (manager) => {
      const client = (await manager.queryRunner!.connect()) as pg.PoolClient;
      const sql: Transaction['sql'] = async (text, values, { name } = {}) =>
        (await client.query({ text, values, name })).rows as never;
      return work({ sql, manager });
    });
  }

  /**
   * Cancels the statement of a transaction whose client went away, again until it has ended: a cancellation that comes
   * before its statement has begun does nothing. The connection is given back only once all have arrived, so that none
   * hits another's statement.
   */
  private async cancellable<Result>(
    client: pg.PoolClient,
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (signal.aborted) throw exhausted(0);
    const { processID } = client as unknown as { processID: number };
    const settled = new AbortController();
    let cancelling: Promise<void> | undefined;
    const cancel = () => {
      cancelling = this.cancelUntil(settled.signal, processID);
    };
    signal.addEventListener('abort', cancel);
    try {
      return await work();
    } finally {
      signal.removeEventListener('abort', cancel);
      settled.abort();
      await cancelling;
    }
  }

  private async cancelUntil(settled: AbortSignal, processID: number): Promise<void> {
    while (!settled.aborted) {
      await this.ownerSql('SELECT pg_cancel_backend($1)', [processID]).catch(() => undefined);
      await sleep(CANCEL_AGAIN_MS, undefined, { signal: settled }).catch(() => undefined);
    }
  }

  /** The database's clock, by which all deadlines go. Milliseconds. */
  async now(): Promise<number> {
    const [{ now }] = await this.ownerSql<{ now: Date }>('SELECT clock_timestamp() AS now');
    return now.getTime();
  }

  /** A statement as the owner, outside of a transaction. */
  async ownerSql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
    return (await this.ownerPool.query<Row>(text, values)).rows;
  }

  get ownerPool(): pg.Pool {
    return (this.owner.driver as PostgresDriver).master as pg.Pool;
  }

  async close(): Promise<void> {
    await this.requests.destroy();
    await this.owner.destroy();
  }
}

async function checkVersion(owner: DataSource): Promise<void> {
  const [{ server_version_num: version }] = await owner.query('SHOW server_version_num');
  if (Number(version) < SERVER_VERSION_MIN) {
    throw new UserError(`PostgreSQL 15 or later is needed; the server at DATABASE_URL is ${version}`);
  }
}

/** Migrates under a lock that other starting servers wait for. Returns the role that requests run as. */
async function migrate(owner: DataSource): Promise<string | null> {
  const runner = owner.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runner.query('SET lock_timeout = 0');
    await owner.runMigrations({ transaction: 'each' });
    return await prepareRequestRole(owner);
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.release();
  }
}

/**
 * Sees to it that requests run as a role that owns nothing. Where the database's role may not make roles, the tables
 * bind their owner too (FORCE), and a setting that only the owner's pool has lets jobs through.
 */
async function prepareRequestRole(owner: DataSource): Promise<string | null> {
  if (await grantRequestRole(owner)) return REQUEST_ROLE;
  const tables: { name: string }[] = await owner.query(
    `SELECT relname AS name FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid
     WHERE polname = 'tenant_isolation' AND NOT relforcerowsecurity`,
  );
  for (const { name } of tables) {
    await owner.query(`
      CREATE POLICY jobs ON ${name} USING (current_setting('hlm.jobs', true) = 'on');
      ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;
    `);
  }
  return null;
}

async function grantRequestRole(owner: DataSource): Promise<boolean> {
  try {
    const [{ exists }] = await owner.query('SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)', [REQUEST_ROLE]);
    if (!exists) await owner.query(`CREATE ROLE ${REQUEST_ROLE} NOLOGIN`);
    // Since PostgreSQL 16 who makes a role may grant it, but not yet become it.
    const [{ member }] = await owner.query(
      `SELECT pg_has_role(current_user, $1, CASE WHEN current_setting('server_version_num')::integer >= 160000
         THEN 'SET' ELSE 'MEMBER' END) AS member`,
      [REQUEST_ROLE],
    );
    if (!member) await owner.query(`GRANT ${REQUEST_ROLE} TO CURRENT_USER`);
    await owner.query(`
      GRANT SELECT ON tenant, installation TO ${REQUEST_ROLE};
      GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_counter, app_user, token, audit_entry, agent, stream, log_chunk, traffic_window,
        traffic_breakdown, rollup_mark, tenant_traffic, retention, retention_policy,
        alert_rule, alert_state, alert_event, rule_seconds, alert_evidence, silence, notification_channel, notification TO ${REQUEST_ROLE};
    `);
    return true;
  } catch (error) {
    if (['42501', '0LP01'].includes((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}
