import type { Tenants, TokenBook, Users } from '../accounts/index.js';
import type { Rules } from '../alerts/index.js';
import type { Identity } from '../auth/tokens.js';
import type { Deletion } from '../deletion/index.js';
import { unauthenticated } from '../errors.js';
import type { Heartbeats, Ingest } from '../ingest/index.js';
import type { Live, Tails } from '../live/index.js';
import type { Channels, Courier, Silences } from '../notify/index.js';
import type { RetentionService } from '../retention/index.js';
import type { Database } from '../store/database.js';

/** What resolvers work with; made once, in main.ts. */
export interface Services {
  db: Database;
  tenants: Tenants;
  users: Users;
  tokenBook: TokenBook;
  ingest: Ingest;
  heartbeats: Heartbeats;
  live: Live;
  tails: Tails;
  rules: Rules;
  channels: Channels;
  courier: Courier;
  silences: Silences;
  deletion: Deletion;
  retention: RetentionService;
  /** Changes when the database was restored. */
  incarnation: string;
  /** Called after each heartbeat: an agent's alert clock may have moved. */
  onHeartbeat: (tenantId: string, agentId: string) => void;
}

/** What a resolver knows of its caller. */
export interface Context {
  /** Null: no valid token. */
  identity: Identity | null;
  services: Services;
  /** Aborted when the client has gone away: then nobody waits for what is being read. */
  signal?: AbortSignal;
}

/** The caller, whom the authority check has let in. */
export function caller(context: Context): Identity {
  if (context.identity === null) throw unauthenticated();
  return context.identity;
}
