/** What a server's answer to one request means for the agent. Pure. */

export type Answer =
  | { kind: 'data'; data: unknown }
  /**
   * Nothing was done, or nobody knows: send the same again, not before `retryAfterMs`. `served`: the API said so.
   * `limited`: for more than was allowed, which is no trouble of the server's.
   */
  | { kind: 'retry'; why: string; retryAfterMs: number | null; served: boolean; limited: boolean }
  /** Sending it again would change nothing. */
  | { kind: 'refused'; code: string; message: string }
  /** Something else than the API answers at this address. */
  | { kind: 'foreign'; why: string };

/** Codes of mistakes, which stay mistakes however often they are sent; every other one passes. */
const FINAL_CODES = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'BAD_USER_INPUT',
  'PAYLOAD_TOO_LARGE',
  'QUERY_TOO_COMPLEX',
  'BAD_REQUEST',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
]);

/** Who is to come back so late is not to wait for trouble that passes, but for somebody to allow more. */
const LONG_WAIT_MS = 5_000;

/** Longest that a server's wish to be left alone is believed, one minute. */
const RETRY_AFTER_MS_MAX = 60_000;

interface GraphQLResponse {
  data?: unknown;
  errors?: { message?: unknown; extensions?: { code?: unknown; retryAfterMs?: unknown } }[];
}

function parseResponse(body: string): GraphQLResponse | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return null;
    const { data, errors } = value as GraphQLResponse;
    if (errors !== undefined && (!Array.isArray(errors) || errors.length === 0)) return null;
    return data === undefined && errors === undefined ? null : { data, errors };
  } catch {
    return null;
  }
}

/** Gateways and servers that are starting answer so, in whatever words. */
function passes(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/** Reads an HTTP answer. A status alone decides only where the body is no GraphQL response. */
export function readAnswer(status: number, body: string): Answer {
  const response = parseResponse(body);
  if (response === null) {
    const why = `answered with HTTP status ${status}`;
    if (passes(status)) return { kind: 'retry', why, retryAfterMs: null, served: false, limited: false };
    if (status === 401 || status === 403) return { kind: 'refused', code: 'UNAUTHENTICATED', message: why };
    return { kind: 'foreign', why: `does not answer GraphQL (HTTP status ${status})` };
  }
  const error = response.errors?.[0];
  if (error === undefined) return { kind: 'data', data: response.data };
  const { code, retryAfterMs } = error.extensions ?? {};
  const message = typeof error.message === 'string' ? error.message.split('\n')[0] : 'an error without a message';
  if (typeof code === 'string' && FINAL_CODES.has(code)) return { kind: 'refused', code, message };
  const waitMs =
    typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? Math.min(retryAfterMs, RETRY_AFTER_MS_MAX) : null;
  const limited = code === 'RATE_LIMITED' || (waitMs ?? 0) >= LONG_WAIT_MS;
  return { kind: 'retry', why: `answered: ${message}`, retryAfterMs: waitMs, served: true, limited };
}
