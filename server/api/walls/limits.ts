/** The walls' measures; each is a setting where users may differ. */
export interface Limits {
  /** Of one operation: fields of its answer at most, reads counted for more (cost.ts). */
  cost: number;
  /** Operations a second of one token, ingest aside, and at once. */
  operationsPerSecond: number;
  /** Cost a second of one token, ingest aside. */
  costPerSecond: number;
  /** Calls of ingest a second of one token; null: as many as come. A thousand agents may share a token. */
  ingestPerSecond: number | null;
  /** Wrong tokens a minute from one address. */
  wrongTokensPerMinute: number;
  /** TCP connections at a time; a quarter of them from one address that has not signed in on them. */
  connections: number;
  socketsPerToken: number;
  /** Sockets from one address that have not signed in yet. */
  strangersPerAddress: number;
  subscriptionsPerToken: number;
  subscriptionsPerSocket: number;
  /** Different log tails (agents and filter) of a tenant on this server: ingest counts for each of them. */
  tailsPerTenant: number;
  /** Messages a second on one socket; subscriptions are few, and answers are not counted. */
  messagesPerSecond: number;
  /** A query's SQL is cancelled after so many milliseconds: below what clients wait for. */
  queryMs: number;
  /** Headers must be there so soon, milliseconds. */
  headersMs: number;
  /** The whole of a request must be there so soon, milliseconds: 16 MiB at 5 Mbit/s. */
  requestMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  cost: 500_000,
  operationsPerSecond: 500,
  costPerSecond: 250_000,
  ingestPerSecond: null,
  wrongTokensPerMinute: 20,
  connections: 10_000,
  socketsPerToken: 1_000,
  strangersPerAddress: 200,
  subscriptionsPerToken: 2_000,
  subscriptionsPerSocket: 100,
  tailsPerTenant: 50,
  messagesPerSecond: 50,
  queryMs: 20_000,
  headersMs: 10_000,
  requestMs: 30_000,
};

/** Body of a request, inflated: a batch of 4 MiB as JSON, and room. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Headers of a request: a token and what proxies add. */
export const HEADER_BYTES_MAX = 16 * 1024;
/** Message on a socket: subscriptions are small. */
export const SOCKET_MESSAGE_BYTES_MAX = 256 * 1024;
