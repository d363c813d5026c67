import { type Figure, mb, times } from './table.js';

/** The most memory that an agent may have, and the server, however far behind and however many agents are. */
export const AGENT_BYTES = 200e6;
export const SERVER_BYTES = 500e6;

/** Memory that must stay within a limit. */
export function limited(what: string, bytes: number, limit: number): Figure {
  const ratio = `${times(bytes / limit)} the limit`;
  return { what, value: mb(bytes), ratio, goal: `≤ ${mb(limit)}`, missed: bytes > limit };
}
