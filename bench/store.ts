import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { decodeLogBatch } from '../schema/log-batch.js';
import { Ingest } from '../server/ingest/index.js';
import { Rollups } from '../server/rollup/index.js';
import { startEmbeddedPostgres } from '../server/store/cluster/embedded.js';
import { Database } from '../server/store/database.js';
import { ensurePartitions } from '../server/store/partitions.js';
import { postgresCpuOf, postgresMemoryOf } from './proc.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The store without the server around it, on a PostgreSQL of its own: each step runs when the benchmark says so. */
export class BenchStore {
  readonly rollups: Rollups;
  private readonly ingest: Ingest;
  private readonly positions = new Map<string, number>();

  private constructor(
    readonly db: Database,
    readonly tenantId: string,
    readonly url: string,
    private readonly folder: string,
    private readonly stopPostgres: () => Promise<void>,
  ) {
    const log = pino({ level: 'error' }, process.stderr);
    this.ingest = new Ingest(db, log, () => undefined);
    this.rollups = new Rollups(db, log);
  }

  static async start(): Promise<BenchStore> {
    const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
    const cluster = await startEmbeddedPostgres(folder);
    const db = await Database.open(cluster.url);
    await ensurePartitions(db);
    const [{ id }] = await db.ownerSql<{ id: string }>('INSERT INTO tenant (name) VALUES ($1) RETURNING id', ['bench']);
    for (const table of ['tenant_counter', 'tenant_traffic', 'retention'])
      await db.ownerSql(`INSERT INTO ${table} (tenant_id) VALUES ($1)`, [id]);
    return new BenchStore(db, id, cluster.url, folder, () => cluster.stop());
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.stopPostgres();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Takes a batch in, as it comes from an agent: a LogBatch as JSON. Returns the agent's id. */
  async append(agentName: string, json: string): Promise<string> {
    const batch = decodeLogBatch(JSON.parse(json));
    const from = this.positions.get(agentName) ?? 0;
    const to = from + batch.count;
    const { agentId } = await this.ingest.append({
      tenantId: this.tenantId,
      agentName,
      stream: { id: 'bench', epoch: null, tail: null, from, to },
      wire: null,
      batch,
      malformed: 0,
      skipped: 0,
      rejections: [],
    });
    this.positions.set(agentName, to);
    return agentId;
  }

  /** Forgets all agents, and what is stored of them. */
  async clear(): Promise<void> {
    await this.db.ownerSql('TRUNCATE agent, stream, log_chunk, traffic_window, traffic_breakdown, rollup_mark CASCADE');
    this.positions.clear();
  }

  /** Makes all marks due, and computes them; those of windows that are still open stay. */
  async rollUp(): Promise<void> {
    for (let [left, before] = [0, -1]; left !== before; ) {
      before = left;
      await this.db.ownerSql("UPDATE agent SET last_batch_at = now() - interval '1 day'");
      await this.db.ownerSql("UPDATE rollup_mark SET marked_at = now() - interval '1 day'");
      await this.rollups.rollUpDue();
      [{ left }] = await this.db.ownerSql<{ left: number }>('SELECT count(*) AS left FROM rollup_mark');
    }
  }

  /** CPU that some work costs this process and its PostgreSQL, seconds; not what collects earlier garbage. */
  async cpuOf(work: () => Promise<unknown>): Promise<number> {
    const { node, postgres } = await this.cpuByProcess(work);
    return node + postgres;
  }

  /** The same of each. */
  async cpuByProcess(work: () => Promise<unknown>): Promise<{ node: number; postgres: number }> {
    collectGarbage();
    const before = { cpu: process.cpuUsage(), postgres: this.postgresCpuSeconds() };
    await work();
    const { user, system } = process.cpuUsage(before.cpu);
    return { node: (user + system) / 1e6, postgres: this.postgresCpuSeconds() - before.postgres };
  }

  postgresCpuSeconds(): number {
    return postgresCpuOf(this.folder);
  }

  postgresMemoryBytes(): number {
    return postgresMemoryOf(this.folder);
  }
}
