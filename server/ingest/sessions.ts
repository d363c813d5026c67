import { cleanText } from '../../schema/log-batch.js';
import { notFound } from '../errors.js';
import type { Database } from '../store/database.js';
import { lockOrRegisterAgent } from './agents.js';

/** Hash of a stretch of a file: proof of which file it is. */
export interface Digest {
  length: number;
  sha256: string;
}

export interface Checkpoint {
  id: string;
  name: string;
  position: number;
  head: Digest | null;
  tail: Digest | null;
}

/** Closed streams are told to agents for a year: rotated files are seldom kept longer. Newest first, so many at most. */
const CHECKPOINTS_MAX = 1_000;

/** Characters kept of what an agent says of itself: host names have 253 at most. */
const WORDS_LENGTH_MAX = 253;
const words = (text: string | null) => text && cleanText(text, WORDS_LENGTH_MAX);

const digest = (length: number | null, sha256: string | null): Digest | null =>
  length === null || sha256 === null ? null : { length, sha256 };

interface CheckpointRow {
  id: string;
  name: string;
  position: number;
  head_length: number | null;
  head_sha256: string | null;
  tail_length: number | null;
  tail_sha256: string | null;
}

/** Registers an agent, and tells it where each of its streams stands. */
export async function connectAgent(
  db: Database,
  tenantId: string,
  input: { name: string; hostname: string | null; version: string | null },
): Promise<{ agentId: string; streams: Checkpoint[] }> {
  return db.inTenants([tenantId], async (tx) => {
    const agent = await lockOrRegisterAgent(tx, tenantId, input.name);
    await tx.sql(
      `UPDATE agent SET hostname = coalesce($3, hostname), version = coalesce($4, version), last_seen_at = clock_timestamp(),
         resumed_at = CASE WHEN ended_at IS NULL THEN resumed_at ELSE clock_timestamp() END, ended_at = NULL, hidden_at = NULL,
         clock_skew_ms = NULL
       WHERE tenant_id = $1 AND id = $2`,
      [tenantId, agent.id, words(input.hostname), words(input.version)],
    );
    const rows = await tx.sql<CheckpointRow & { [column: string]: unknown }>(
      `SELECT id, name, position, head_length, head_sha256, tail_length, tail_sha256 FROM stream
       WHERE tenant_id = $1 AND agent_id = $2 AND NOT scripted AND (closed_at IS NULL OR closed_at > now() - interval '1 year')
       ORDER BY opened_at DESC LIMIT ${CHECKPOINTS_MAX}`,
      [tenantId, agent.id],
    );
    const streams = rows.map((row) => ({
      id: row.id,
      name: row.name,
      position: row.position,
      head: digest(row.head_length, row.head_sha256),
      tail: digest(row.tail_length, row.tail_sha256),
    }));
    return { agentId: agent.id, streams };
  });
}

/** Claims a stream for one agent process: its epoch grows, so that an earlier claim is fenced off. */
export async function openStream(
  db: Database,
  tenantId: string,
  input: { agent: string; streamId: string | null; name: string; head: Digest | null; startAt: number },
): Promise<{ streamId: string; epoch: number; position: number }> {
  return db.inTenants([tenantId], async (tx) => {
    const agent = await lockOrRegisterAgent(tx, tenantId, input.agent);
    const head = [input.head?.length ?? null, input.head?.sha256 ?? null];
    type Opened = { streamId: string; epoch: number; position: number };
    const returning = 'RETURNING id AS "streamId", epoch, position';
    const opened =
      input.streamId === null
        ? await tx.sql<Opened>(
            `INSERT INTO stream (tenant_id, agent_id, name, position, epoch, head_length, head_sha256)
             VALUES ($1, $2, $3, $4, 1, $5, $6) ${returning}`,
            [tenantId, agent.id, input.name, input.startAt, ...head],
          )
        : await tx.sql<Opened>(
            `UPDATE stream SET epoch = epoch + 1, name = $4, opened_at = now(), closed_at = NULL, ended = false, caught_up_at = NULL,
               head_length = coalesce($5, head_length), head_sha256 = coalesce($6, head_sha256)
             WHERE tenant_id = $1 AND agent_id = $2 AND id::text = $3 ${returning}`,
            [tenantId, agent.id, input.streamId, input.name, ...head],
          );
    if (opened.length === 0) throw notFound('Stream');
    return opened[0];
  });
}
