/** Whose windows, and of which width. */
export interface WindowScope {
  tenantId: string;
  /** `TENANT_WIDE`: all of the tenant's agents together. */
  agentId: string;
  /** Seconds, one of RESOLUTIONS. */
  resolution: number;
}

/** One window. */
export interface WindowKey extends WindowScope {
  startMs: number;
}

/** The nil UUID (RFC 9562 §5.9), which is no agent's: windows of all of a tenant's agents together stand under it. */
export const TENANT_WIDE = '00000000-0000-0000-0000-000000000000';

/** Windows asked for by the first four parameters of a statement, with their places, from 1. */
export const KEYS_ASKED = `unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[])
  WITH ORDINALITY AS asked (tenant_id, agent_id, resolution, start_ms, place)`;
/** A row `t` is of a window asked for. */
export const KEY_MATCHES = ['tenant_id', 'agent_id', 'resolution', 'start_ms']
  .map((column) => `t.${column} = asked.${column}`)
  .join(' AND ');

export function keyColumns(keys: readonly WindowKey[]): unknown[][] {
  return [
    keys.map(({ tenantId }) => tenantId),
    keys.map(({ agentId }) => agentId),
    keys.map(({ resolution }) => resolution),
    keys.map(({ startMs }) => startMs),
  ];
}
