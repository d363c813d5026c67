import type { Transaction } from '../database.js';

type Sql = Transaction['sql'];

/** A stream as a batch finds it. */
export interface StreamRow {
  id: string;
  position: number;
  epoch: number;
  newestEventMs: number | null;
}

const COLUMNS = 'id, position, epoch, newest_event_ms AS "newestEventMs"';
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The stream of that id, or the script's of that name; undefined where there is none. */
export async function findStream(
  sql: Sql,
  tenantId: string,
  agentId: string,
  idOrName: string,
): Promise<StreamRow | undefined> {
  const byId = UUID.test(idOrName) ? 'id = $3::uuid OR' : '';
  const [row] = await sql<StreamRow>(
    `SELECT ${COLUMNS} FROM stream WHERE tenant_id = $1 AND agent_id = $2 AND (${byId} (scripted AND name = $3::text)) LIMIT 1`,
    [tenantId, agentId, idOrName],
  );
  return row;
}

/** A stream that a script names: it begins at the `from` of its first batch. */
export async function createScriptedStream(
  sql: Sql,
  tenantId: string,
  agentId: string,
  name: string,
  position: number,
): Promise<StreamRow> {
  const [row] = await sql<StreamRow>(
    `INSERT INTO stream (tenant_id, agent_id, name, scripted, position) VALUES ($1, $2, $3, true, $4) RETURNING ${COLUMNS}`,
    [tenantId, agentId, name, position],
  );
  return row;
}

export interface AdvanceStream {
  tenantId: string;
  agentId: string;
  streamId: string;
  from: number;
  to: number;
  epoch: number | null;
  tail: { length: number; sha256: string } | null;
  /** Clamped to the server's clock; null: the batch has no entry. */
  newestEventMs: number | null;
  accepted: number;
  malformed: number;
  quarantined: number;
  skipped: number;
  late: number;
  /** JSON list, the latest first. */
  rejections: string;
}

/** Lines not counted that are kept of each stream, to be shown. */
export const REJECTIONS_KEPT = 20;

/** Compare and append: moves the position only from `from`. False where it stands elsewhere: then nothing was changed. */
export async function advanceStream(sql: Sql, batch: AdvanceStream): Promise<boolean> {
  const rows = await sql(
    `UPDATE stream SET position = $5, last_batch_at = clock_timestamp(), closed_at = NULL, ended = false,
       tail_length = $7, tail_sha256 = $8,
       newest_event_ms = greatest(newest_event_ms, $9),
       accepted = accepted + $10, malformed = malformed + $11, quarantined = quarantined + $12,
       skipped = skipped + $13, late = late + $14,
       rejections = CASE WHEN $15 = '[]' THEN rejections ELSE jsonb_path_query_array($15::jsonb || rejections, '$[0 to ${REJECTIONS_KEPT - 1}]') END
     WHERE tenant_id = $1 AND agent_id = $2 AND id = $3 AND position = $4 AND ($6::integer IS NULL OR epoch = $6)
     RETURNING id`,
    [
      batch.tenantId,
      batch.agentId,
      batch.streamId,
      batch.from,
      batch.to,
      batch.epoch,
      batch.tail?.length ?? null,
      batch.tail?.sha256 ?? null,
      batch.newestEventMs,
      batch.accepted,
      batch.malformed,
      batch.quarantined,
      batch.skipped,
      batch.late,
      batch.rejections,
    ],
    { name: 'advance-stream' },
  );
  return rows.length === 1;
}

export async function countDuplicate(sql: Sql, tenantId: string, agentId: string, streamId: string): Promise<void> {
  await sql(
    `UPDATE stream SET duplicate_batches = duplicate_batches + 1 WHERE tenant_id = $1 AND agent_id = $2 AND id = $3`,
    [tenantId, agentId, streamId],
  );
}
