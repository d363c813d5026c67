import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Initial1764000000000 } from '../../migrations/1764000000000-initial.js';
import { Retention1764000500000 } from '../../migrations/1764000500000-retention.js';
import { Statistics1764100000000 } from '../../migrations/1764100000000-statistics.js';
import { JoinedChunks1764300000000 } from '../../migrations/1764300000000-joined-chunks.js';
import { BreakdownRows1764400000000 } from '../../migrations/1764400000000-breakdown-rows.js';
import { Accounts1764500000000 } from '../../migrations/1764500000000-accounts.js';
import { Plans1764600000000 } from '../../migrations/1764600000000-plans.js';
import { RuleFilters1764650000000 } from '../../migrations/1764650000000-rule-filters.js';
import { Notifications1764700000000 } from '../../migrations/1764700000000-notifications.js';
import { DurationRules1764800000000 } from '../../migrations/1764800000000-duration-rules.js';
import { QuietNotifications1764900000000 } from '../../migrations/1764900000000-quiet-notifications.js';
import { AlertMemory1764950000000 } from '../../migrations/1764950000000-alert-memory.js';
import { BreakdownsInLine1765000000000 } from '../../migrations/1765000000000-breakdowns-in-line.js';
import { PackedBodies1765100000000 } from '../../migrations/1765100000000-packed-bodies.js';
import { AlertRuleEntity } from './entities/alert-rule.entity.js';
import { AuditEntryEntity } from './entities/audit-entry.entity.js';
import { NotificationChannelEntity } from './entities/notification-channel.entity.js';
import { RetentionEntity } from './entities/retention.entity.js';
import { RetentionPolicyEntity } from './entities/retention-policy.entity.js';
import { SilenceEntity } from './entities/silence.entity.js';
import { TenantEntity } from './entities/tenant.entity.js';
import { TokenEntity } from './entities/token.entity.js';
import { UserEntity } from './entities/user.entity.js';

// Counts and milliseconds stay below 2^53: as numbers they need no conversion at every use.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * A request's SQL waits so long for a lock, runs so long, and holds a transaction idle so long, at most; it reads few rows,
 * and starting workers for them would take longer.
 */
const REQUEST_LIMITS =
  '-c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=10s -c max_parallel_workers_per_gather=0';

export interface PoolSettings {
  url: string;
  applicationName: string;
  poolSize: number;
  /** Server settings of each connection, as `-c name=value`. */
  settings: string;
  /** Whether a statement is sent while those before it have not been answered: it is done after them all the same. */
  pipeline: boolean;
}

/**
 * A client whose connection may end at any instant, between two statements too: whoever holds it learns of it from the
 * next one. Without a listener the event would end the process, and graphile-worker hears only those clients that
 * were connected after it began.
 */
class SteadyClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** All that TypeORM needs to know; the schema comes from `migrations/` alone. */
export function dataSourceOptions({
  url,
  applicationName,
  poolSize,
  settings,
  pipeline,
}: PoolSettings): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    applicationName,
    poolSize,
    synchronize: false,
    migrationsRun: false,
    logging: false,
    entities: [
      TenantEntity,
      UserEntity,
      TokenEntity,
      AuditEntryEntity,
      AlertRuleEntity,
      NotificationChannelEntity,
      SilenceEntity,
      RetentionEntity,
      RetentionPolicyEntity,
    ],
    migrations: [
      Initial1764000000000,
      Retention1764000500000,
      Statistics1764100000000,
      JoinedChunks1764300000000,
      BreakdownRows1764400000000,
      Accounts1764500000000,
      Plans1764600000000,
      RuleFilters1764650000000,
      Notifications1764700000000,
      DurationRules1764800000000,
      QuietNotifications1764900000000,
      AlertMemory1764950000000,
      BreakdownsInLine1765000000000,
      PackedBodies1765100000000,
    ],
    migrationsTableName: 'migration',
    extra: { Client: SteadyClient, options: `-c timezone=UTC ${settings}`.trim(), idleTimeoutMillis: 60_000, pipeline },
  };
}

/** The owner's: migrations, partitions, sign-in, what stands above tenants. No request's SQL runs on it. */
export function ownerDataSource(url: string): DataSource {
  return new DataSource(
    dataSourceOptions({
      url,
      applicationName: 'hlm owner',
      poolSize: 4,
      settings: '-c lock_timeout=10s -c hlm.jobs=on',
      pipeline: false,
    }),
  );
}

/** The requests': under row-level security, as a role that owns nothing where the database has it. */
export function requestDataSource(url: string, role: string | null): DataSource {
  const settings = role === null ? REQUEST_LIMITS : `-c role=${role} ${REQUEST_LIMITS}`;
  return new DataSource(dataSourceOptions({ url, applicationName: 'hlm', poolSize: 12, settings, pipeline: true }));
}
