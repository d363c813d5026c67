import { GraphQLError } from 'graphql';

/** The codes that the API answers with, in `extensions.code`; stable, for clients to act on. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'BAD_USER_INPUT'
  | 'PAYLOAD_TOO_LARGE'
  | 'QUERY_TOO_COMPLEX'
  | 'RATE_LIMITED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR';

/** What windows are called, and their name in the API. */
const RESOLUTION_WORDS: Record<number, { words: string; name: string }> = {
  10: { words: '10 seconds', name: 'SECONDS_10' },
  60: { words: 'whole minutes', name: 'MINUTE' },
  3600: { words: 'whole hours', name: 'HOUR' },
  86400: { words: 'whole days', name: 'DAY, UTC' },
  2592000: { words: 'whole months', name: 'UTC; DAY is not kept' },
};

const HTTP_STATUS: Partial<Record<ErrorCode, number>> = { UNAUTHENTICATED: 401, RATE_LIMITED: 429 };

/** A mistake that is told to the client as it is: code, and a message with value, place and expected range. */
export class ApiError extends GraphQLError {
  constructor(code: ErrorCode, message: string, details: { retryAfterMs?: number; status?: number } = {}) {
    const { retryAfterMs, status = HTTP_STATUS[code] } = details;
    const http = status === undefined ? {} : { http: { status, headers: headersOf(retryAfterMs) } };
    super(message, { extensions: { code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...http } });
  }
}

/** HTTP's own word for when to come again, in whole seconds. */
function headersOf(retryAfterMs: number | undefined): Map<string, string> {
  return new Map(retryAfterMs === undefined ? [] : [['retry-after', String(Math.ceil(retryAfterMs / 1_000))]]);
}

export const unauthenticated = () => new ApiError('UNAUTHENTICATED', 'A valid token is needed.');
export const forbidden = () => new ApiError('FORBIDDEN', 'This token may not do that.');
export const notFound = (what: string) => new ApiError('NOT_FOUND', `${what} not found.`);
/** @param resolution seconds, of the windows that a border would cut */
export function misalignedSpan(borderMs: number, resolution: number): ApiError {
  const { words, name } = RESOLUTION_WORDS[resolution];
  const border = new Date(borderMs).toISOString();
  return new ApiError(
    'BAD_USER_INPUT',
    `${border} is not aligned to ${words} (${name}): breakdowns are kept by ${words} there, and cannot be divided.`,
  );
}
export const badInput = (message: string) => new ApiError('BAD_USER_INPUT', message);
/** Load or a restart: nothing was done, and the same call will work later. */
export const exhausted = (retryAfterMs: number) =>
  new ApiError('RESOURCE_EXHAUSTED', `The server is busy; try again in ${retryAfterMs} ms.`, { retryAfterMs });

/** Too much, by a limit that is told of: nothing was done, and the same call will work later. */
export const rateLimited = (what: string, retryAfterMs: number) =>
  new ApiError('RATE_LIMITED', `${what}; try again in ${retryAfterMs} ms.`, { retryAfterMs });
export const tooComplex = (cost: number, most: number) =>
  new ApiError('QUERY_TOO_COMPLEX', `The operation costs ${cost}; at most ${most}: ask for less, or shorter lists.`, {
    status: 400,
  });

/** What asks a server that stops is told: about when the next one may be up. */
const RESTART_MS = 1_000;
export const stopping = () =>
  new ApiError('RESOURCE_EXHAUSTED', `The server stops; try again in ${RESTART_MS} ms.`, { retryAfterMs: RESTART_MS });

const RETRYABLE_SQLSTATE = /^(40001|40P01|55P03|57014|57P0|53|08|25P03)/;

/** Data exceptions, and what constraints refuse. */
const REFUSING_SQLSTATE = /^2[23]/;

const CONNECTION_LOST = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'];
/** What pg and TypeORM say of a connection that ended before or between statements; TypeORM has two ways to say it. */
const CONNECTION_LOST_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered|query runner (was )?already released/i;

/** Whether PostgreSQL refused for a reason that passes: a lock, load, a restart. */
export function isTransient(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== undefined && (RETRYABLE_SQLSTATE.test(code) || CONNECTION_LOST.includes(code))) return true;
  return CONNECTION_LOST_WORDS.test(message ?? '');
}

/** What PostgreSQL says where it refuses what it was given. */
export type DataRefusal = Error & { code: string };

/** Whether PostgreSQL refused for what it was given: the same will be refused again. */
export function refusesData(error: unknown): error is DataRefusal {
  return REFUSING_SQLSTATE.test((error as { code?: string }).code ?? '');
}
