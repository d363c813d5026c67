import { DEFAULT_LIMITS, type Limits } from '../server/api/walls/limits.js';
import { numberSetting } from './settings.js';

/** The server's limits that users may set, by the environment alone: they are few people's business. */
const SETTINGS: { name: string; limit: keyof Limits; about: string }[] = [
  { name: 'HLM_MAX_COST', limit: 'cost', about: 'fields of one answer, as they are estimated' },
  { name: 'HLM_RATE_OPERATIONS', limit: 'operationsPerSecond', about: 'operations a second of a token, ingest aside' },
  { name: 'HLM_RATE_COST', limit: 'costPerSecond', about: 'cost a second of a token, ingest aside' },
  { name: 'HLM_RATE_INGEST', limit: 'ingestPerSecond', about: 'calls of agents a second of a token' },
  { name: 'HLM_RATE_WRONG_TOKENS', limit: 'wrongTokensPerMinute', about: 'wrong tokens a minute from an address' },
  {
    name: 'HLM_MAX_CONNECTIONS',
    limit: 'connections',
    about: 'connections; a quarter before signing in, of an address',
  },
  { name: 'HLM_MAX_SOCKETS_PER_TOKEN', limit: 'socketsPerToken', about: 'WebSockets of a token' },
  { name: 'HLM_MAX_SUBSCRIPTIONS_PER_TOKEN', limit: 'subscriptionsPerToken', about: 'subscriptions of a token' },
  { name: 'HLM_MAX_TAILS_PER_TENANT', limit: 'tailsPerTenant', about: 'different log tails of a tenant' },
];

const NAME_WIDTH = 33;

export function limitsHelp(): string {
  return SETTINGS.map(({ name, limit, about }) => {
    const given = DEFAULT_LIMITS[limit]?.toLocaleString('en') ?? 'no limit';
    return `  ${name.padEnd(NAME_WIDTH)}${about} (${given})`;
  }).join('\n');
}

/** Those that are set. @throws UserError where one is no number of at least 1. */
export function limitSettings(): Partial<Limits> {
  const set = SETTINGS.map(({ name, limit }) => [limit, numberSetting(name, 1)] as const);
  return Object.fromEntries(set.filter(([, value]) => value !== undefined));
}
