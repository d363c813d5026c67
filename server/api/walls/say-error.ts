import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { isTransient } from '../../errors.js';

/** PostgreSQL's character_not_in_repertoire: an argument with NUL, which its text cannot hold. */
const NO_TEXT = '22021';

/**
 * What a client is told of an error: mistakes as they are; what passes as RESOURCE_EXHAUSTED with a time to try again;
 * all else as an internal error with an id under which the log has it. Never a stack trace, never PostgreSQL's details.
 */
export function errorFormatter(
  log: Logger,
): (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError {
  return (formatted, error) => {
    const original = error instanceof GraphQLError ? error.originalError : error;
    const { message, locations, path, extensions } = formatted;
    const code = extensions?.code as string | undefined;
    const plain = { message, ...(locations ? { locations } : {}), ...(path ? { path } : {}) };
    if (code !== undefined && code !== 'INTERNAL_SERVER_ERROR') {
      const retryAfterMs = extensions?.retryAfterMs;
      return { ...plain, extensions: { code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } };
    }
    if (original == null || original instanceof GraphQLError)
      return { ...plain, extensions: { code: 'BAD_USER_INPUT' } };
    if (isTransient(original)) {
      const busy = 'The server is busy; try again in 1000 ms.';
      return { ...plain, message: busy, extensions: { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 1_000 } };
    }
    if ((original as { code?: string }).code === NO_TEXT) {
      return {
        ...plain,
        message: 'A text has a character that none can have (NUL).',
        extensions: { code: 'BAD_USER_INPUT' },
      };
    }
    const id = randomUUID();
    const { name, message: words, stack } = original as Error;
    log.error({ id, path, name, message: words, stack }, 'unexpected error');
    return { ...plain, message: `Internal error ${id}.`, extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  };
}
