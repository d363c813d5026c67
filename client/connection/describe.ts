import { CombinedError } from 'urql';
import { safeText } from '../format/safe-text.js';

/** Failures in words that a user can act on. */

const CAUSES: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  UND_ERR_SOCKET: 'connection closed',
  EPROTO: 'no TLS there, or another protocol',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS there',
};

/** What Chromium, Safari and Firefox say of any request that got no answer. */
const UNANSWERED = /^(failed to fetch|load failed|networkerror when attempting to fetch)/i;

/** A message of the server's may quote what a log line held: safe, and one line. */
const oneLine = (text: string): string => safeText(text).replace(/\s+/g, ' ').trim();

/** What a failed request or socket says, as a clause without a full stop. */
export function describeFailure(error: unknown): string {
  if (error instanceof CombinedError) {
    if (error.networkError) return describeFailure(error.networkError);
    const messages = error.graphQLErrors.map((each) => oneLine(each.message));
    return messages.length > 0 ? messages.join('; ') : 'the request failed';
  }
  if (Array.isArray(error)) return error.map(describeFailure).join('; ');
  const chain = [...chainOf(error)];
  for (const each of chain) {
    const code = (each as { code?: unknown }).code;
    if (typeof code === 'string' && CAUSES[code]) return CAUSES[code];
    if (each instanceof Error && each.name === 'TimeoutError') return 'no answer';
  }
  const reason = (error as { reason?: unknown } | null)?.reason;
  if (typeof reason === 'string' && reason !== '') return oneLine(reason);
  // The innermost says what happened: the outer ones only that a fetch failed.
  const message = (chain.at(-1) as { message?: unknown } | undefined)?.message;
  if (typeof message !== 'string' || message === '') return 'connection closed';
  return UNANSWERED.test(message) ? 'no answer' : oneLine(message);
}

/** An error, its causes, and what an attempt at several addresses holds. */
function* chainOf(error: unknown): Generator<object> {
  let next = error;
  for (let depth = 0; depth < 5 && typeof next === 'object' && next !== null; depth += 1) {
    yield next;
    if (next instanceof AggregateError) yield* next.errors.filter((each) => typeof each === 'object' && each !== null);
    next = (next as { cause?: unknown; error?: unknown }).cause ?? (next as { error?: unknown }).error;
  }
}
