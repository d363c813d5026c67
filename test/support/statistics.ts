import { rmSync } from 'node:fs';
import { pino } from 'pino';
import { decodeLogBatch, type Entry } from '../../schema/log-batch.js';
import { batchOf } from '../../schema/log-batch-builder.js';
import { TrafficLoader } from '../../server/api/traffic/loader.js';
import { Deletion } from '../../server/deletion/index.js';
import { Ingest } from '../../server/ingest/index.js';
import { RetentionService } from '../../server/retention/index.js';
import { Rollups } from '../../server/rollup/index.js';
import { startEmbeddedPostgres } from '../../server/store/cluster/embedded.js';
import { Database } from '../../server/store/database.js';
import { ensurePartitions } from '../../server/store/partitions.js';
import { migratedFolder } from './template.js';

/** The steps of statistics on a real PostgreSQL, without the server around them: rollups run when a test says so. */
export class Statistics {
  readonly ingest: Ingest;
  readonly rollups: Rollups;
  readonly deletion: Deletion;
  readonly retention: RetentionService;
  private positions = new Map<string, number>();

  private constructor(
    readonly db: Database,
    private readonly end: () => Promise<void>,
  ) {
    const silent = pino({ level: 'silent' });
    this.ingest = new Ingest(db, silent, () => undefined);
    this.rollups = new Rollups(db, silent);
    this.retention = new RetentionService(db, async () => undefined, silent);
    this.deletion = new Deletion(
      db,
      () => undefined,
      () => undefined,
    );
  }

  static async start(): Promise<Statistics> {
    const folder = await migratedFolder();
    const cluster = await startEmbeddedPostgres(folder);
    const db = await Database.open(cluster.url);
    await ensurePartitions(db);
    return new Statistics(db, async () => {
      await db.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  close(): Promise<void> {
    return this.end();
  }

  async newTenant(): Promise<string> {
    const [{ id }] = await this.db.ownerSql<{ id: string }>(
      'INSERT INTO tenant (name) VALUES (gen_random_uuid()::text) RETURNING id',
      [],
    );
    for (const table of ['tenant_counter', 'tenant_traffic', 'retention'])
      await this.db.ownerSql(`INSERT INTO ${table} (tenant_id) VALUES ($1)`, [id]);
    return id;
  }

  /** Takes a batch in; returns the agent's id. */
  append(tenantId: string, agentName: string, entries: readonly Entry[]): Promise<string> {
    return this.appendTo(this.ingest, tenantId, agentName, entries);
  }

  /** The same by the ingest of another server. */
  async appendTo(ingest: Ingest, tenantId: string, agentName: string, entries: readonly Entry[]): Promise<string> {
    const key = `${tenantId} ${agentName}`;
    const from = this.positions.get(key) ?? 0;
    const to = from + entries.length;
    const wire = batchOf(entries);
    const { outcome, agentId } = await ingest.append({
      tenantId,
      agentName,
      stream: { id: 'test', epoch: null, tail: null, from, to },
      wire,
      batch: decodeLogBatch(wire),
      malformed: 0,
      skipped: 0,
      rejections: [],
    });
    if (outcome !== 'APPENDED') throw new Error(outcome);
    this.positions.set(key, to);
    return agentId;
  }

  /** Makes all marks due: the agents have been quiet for long. */
  async quieten(): Promise<void> {
    await this.db.ownerSql("UPDATE agent SET last_batch_at = now() - interval '1 day'");
    await this.db.ownerSql("UPDATE rollup_mark SET marked_at = now() - interval '1 day'");
  }

  /** Computes all windows of agents, and then what these mark of tenants'. */
  async rollUpAll(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      await this.quieten();
      await this.rollups.rollUpDue();
    }
  }

  traffic(tenantId: string): TrafficLoader {
    return new TrafficLoader(this.db, tenantId);
  }
}
