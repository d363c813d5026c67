import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { UserError } from '../schema/user-error.js';
import { Tenants, TokenBook, Users } from './accounts/index.js';
import { Evaluator, EvidenceKeeper, NoDataWatch, Rules } from './alerts/index.js';
import type { Services } from './api/context.js';
import { buildHttp } from './api/http.js';
import { buildApiSchema } from './api/schema.js';
import { serveSocket } from './api/sockets/serve.js';
import { Admission } from './api/walls/admission.js';
import { type Certificate, type CertificateFiles, readCertificate, watchCertificate } from './api/walls/certificate.js';
import { DEFAULT_LIMITS, type Limits } from './api/walls/limits.js';
import { Proxies } from './api/walls/proxies.js';
import { Turnstile } from './api/walls/turnstile.js';
import { prepareFirstStart } from './auth/first-start.js';
import { Tokens } from './auth/tokens.js';
import { Deletion } from './deletion/index.js';
import { Heartbeats, Ingest } from './ingest/index.js';
import { Jobs, type TaskName, tasksOf } from './jobs/index.js';
import { Repeated } from './jobs/repeated.js';
import { Live, Tails } from './live/index.js';
import { Channels, Courier, type NotifierSettings, notifiersOf, Silences } from './notify/index.js';
import { RetentionService } from './retention/index.js';
import { Rollups } from './rollup/index.js';
import { Bus } from './store/bus.js';
import { startEmbeddedPostgres } from './store/cluster/embedded.js';
import { claimDataFolder } from './store/cluster/lock.js';
import { Database } from './store/database.js';
import { ensurePartitions } from './store/partitions.js';
import { analyzeYoungTables } from './store/young-tables.js';

export interface ServerOptions {
  /** Holds the embedded database and the tokens of this machine. */
  dataFolder: string;
  /** Another PostgreSQL than the embedded one; null: the embedded one. */
  databaseUrl: string | null;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Takes the place of the operator's token file; null: the file. */
  adminToken: string | null;
  operatorTokenFile: string;
  agentTokenFile: string;
  allowedOrigins: readonly string[];
  /** Addresses and networks of proxies that may say whom a request is from; absent: none. */
  trustedProxies?: readonly string[];
  notify: NotifierSettings;
  /** Where people reach the server, for links; null: it is not known. */
  publicUrl: string | null;
  /** TLS, with what the files hold from time to time; absent or null: none. */
  certificateFiles?: CertificateFiles | null;
  /** Others than the defaults. */
  limits?: Partial<Limits>;
  log: Logger;
}

export interface RunningServer {
  /** Of GraphQL. */
  url: string;
  close(): Promise<void>;
}

/**
 * Connections that wait to be accepted, which is one in each turn of the event loop: what finds no room, as where a thousand
 * agents come back at once, tries again after seconds only. Linux has 4,096 at most unless told otherwise.
 */
const LISTEN_BACKLOG = 4_096;
/** New agents come hundreds at a time at most. */
const ANALYZE_EVERY_MS = 2_000;
const monotonicMs = () => performance.now();

/** What was started, to be ended in reverse. */
class Started {
  private readonly ends: { what: string; end: () => Promise<unknown> }[] = [];

  add(what: string, end: () => Promise<unknown>): void {
    this.ends.push({ what, end });
  }

  async endAll(log: Logger): Promise<void> {
    for (const { what, end } of this.ends.splice(0).reverse()) {
      await end().catch((error: unknown) => log.error({ err: error, what }, 'does not end'));
    }
  }
}

/**
 * Builds everything in the data's order: database, jobs, live, alerts, ingest, API. Ended in reverse, so that no batch is
 * taken while what it needs is gone, and the embedded database stops last.
 *
 * @throws UserError for what the user can mend: the folder, the database, the port.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const started = new Started();
  try {
    const url = await build(options, started);
    return { url, close: () => started.endAll(options.log) };
  } catch (error) {
    await started.endAll(options.log);
    throw error;
  }
}

async function build(options: ServerOptions, started: Started): Promise<string> {
  const { log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  // One of no use is told before anything is started.
  const certificate = options.certificateFiles ? readCertificate(options.certificateFiles) : null;
  const { db, jobs } = await openStore(options, started);
  const bus = new Bus(db.url, log);
  started.add('the way to other servers', () => bus.stop());
  const live = new Live(db);
  const tails = new Tails(db, bus, limits.tailsPerTenant);
  bus.start();
  const evaluator = new Evaluator(db, log, (tenantId) => live.alertsRecorded(tenantId));
  started.add('alerts', () => evaluator.stop());
  const noData = new NoDataWatch(db, log, (tenantId) => live.alertsRecorded(tenantId));
  started.add('agents without data', () => noData.stop());
  const tokens = new Tokens(db, monotonicMs);
  const onRevoked = (tokenIds: readonly string[]) => {
    for (const tokenId of tokenIds) tokens.forget(tokenId);
  };
  const courier = new Courier(db, { notifiers: notifiersOf(options.notify), link: options.publicUrl, log });
  started.add('notifications', () => courier.stop());
  courier.start();
  const evidence = new EvidenceKeeper(db, log);
  started.add('evidence', () => evidence.stop());
  evidence.start();
  const services: Services = {
    db,
    users: new Users(db, onRevoked),
    tokenBook: new TokenBook(db, onRevoked),
    tenants: new Tenants(db, {
      onRevoked,
      onDeleted: () => jobs.add('tenants'),
      onKeepChanged: () => jobs.add('relayout'),
    }),
    live,
    incarnation: await readIncarnation(db),
    tails,
    ingest: new Ingest(db, log, ({ tenantId, batch }, { agentId, windowStarts, stored, accepted }) => {
      live.changedWindows(tenantId, agentId, windowStarts);
      if (stored !== null) tails.takenIn({ tenantId, agentId, batch, accepted, ...stored });
      if (windowStarts.length > 0) evaluator.appended(tenantId, agentId);
    }),
    heartbeats: new Heartbeats(db),
    rules: new Rules(
      db,
      (tenantId) => live.alertsRecorded(tenantId),
      (tenantId, agentId) => evaluator.appended(tenantId, agentId),
    ),
    channels: new Channels(db, options.notify),
    courier,
    silences: new Silences(db),
    deletion: new Deletion(
      db,
      (tenantId, agentId, { starts, stale }) => live.changedWindows(tenantId, agentId, starts, stale),
      (tenantId) => live.alertsRecorded(tenantId),
    ),
    retention: new RetentionService(
      db,
      async () => {
        for (const task of ['relayout', 'windows'] as const) await jobs.add(task);
      },
      log,
    ),
    onHeartbeat: (tenantId, agentId) => evaluator.heardOf(tenantId, agentId),
  };
  await evaluator.start();
  noData.start();
  const rollups = new Rollups(db, log);
  started.add('rollups', () => rollups.stop());
  rollups.start();
  const url = await serveApi({ ...options, limits, certificate }, services, tokens, started);
  log.info({ url }, 'listening');
  return url;
}

async function openStore(options: ServerOptions, started: Started): Promise<{ db: Database; jobs: Jobs<TaskName> }> {
  const { dataFolder, log } = options;
  const release = await claimDataFolder(dataFolder);
  started.add('claim of the data folder', release);
  let databaseUrl = options.databaseUrl;
  if (databaseUrl === null) {
    const embedded = await startEmbeddedPostgres(dataFolder);
    started.add('PostgreSQL', () => embedded.stop());
    databaseUrl = embedded.url;
  }
  const db = await Database.open(databaseUrl);
  started.add('database', () => db.close());
  await prepareFirstStart(db, {
    folder: dataFolder,
    operatorFile: options.operatorTokenFile,
    agentFile: options.agentTokenFile,
    adminToken: options.adminToken,
  });
  await ensurePartitions(db);
  const analyze = async () => void (await analyzeYoungTables(db));
  const analyzing = new Repeated(analyze, {
    everyMs: ANALYZE_EVERY_MS,
    log,
    failure: 'young tables were not analyzed',
  });
  started.add('analyzing young tables', () => analyzing.stop());
  analyzing.start();
  const jobs = await Jobs.start(db, log, tasksOf(db, log));
  started.add('jobs', () => jobs.stop());
  return { db, jobs };
}

async function readIncarnation(db: Database): Promise<string> {
  const [{ incarnation }] = await db.ownerSql<{ incarnation: string }>('SELECT incarnation FROM installation');
  return incarnation;
}

async function serveApi(
  options: ServerOptions & { limits: Limits; certificate: Certificate | null },
  services: Services,
  tokens: Tokens,
  started: Started,
): Promise<string> {
  const { host, port, log, allowedOrigins, certificateFiles, certificate, trustedProxies = [] } = options;
  const { db, live, tails } = services;
  const schema = await buildApiSchema();
  const turnstile = new Turnstile(tokens, options.limits, monotonicMs);
  const admission = new Admission(schema, turnstile, Date.now);
  const shared = { schema, services, turnstile, admission, proxies: new Proxies(trustedProxies), log };
  const { app, apollo, strangers } = await buildHttp({ ...shared, certificate, isReady: together(() => answers(db)) });
  const socket = serveSocket({ ...shared, server: app.server, tokens, strangers, allowedOrigins });
  started.add('api', async () => {
    // Together: the one takes nothing new from the first moment, and is done only once the other's connections have ended.
    const answered = apollo.stop();
    live.close();
    tails.close();
    await Promise.all([socket.close(), answered]);
  });
  await app.listen({ host, port, backlog: LISTEN_BACKLOG }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new UserError(`port ${port} on ${host} is in use: choose another with --port`);
    throw new UserError(`cannot listen on ${host}:${port}: ${error.message}`);
  });
  if (certificateFiles && certificate !== null) {
    const watch = watchCertificate(app.server as HttpsServer, certificateFiles, certificate, log);
    started.add('looking for a new certificate', () => watch.stop());
    watch.start();
  }
  const address = app.server.address() as AddressInfo;
  if (certificate === null && !isLoopback(address.address))
    log.warn({ address: address.address }, 'listening beyond this machine without TLS: tokens can be read on the way');
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${certificate === null ? 'http' : 'https'}://${shown}:${address.port}/graphql`;
}

async function answers(db: Database): Promise<boolean> {
  return (await db.ownerSql('SELECT 1')).length === 1;
}

/** Asks once for all who want to know at the same time. */
function together<Result>(ask: () => Promise<Result>): () => Promise<Result> {
  let asking: Promise<Result> | null = null;
  return () => {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
