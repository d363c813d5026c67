import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError, type ValidationRule } from 'graphql';
import type { Logger } from 'pino';
import { isTransient } from '../errors.js';

/** What HTTP and the WebSocket share: the same limits, the same rules, the same words for what went wrong. */

/** Tokens of a document: far above what any client of ours sends, far below what burdens a parser. */
export const DOCUMENT_TOKENS_MAX = 20_000;
/** Body of a request, inflated: a batch of 4 MiB as JSON, and room. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Message on a socket: subscriptions are small. */
export const SOCKET_MESSAGE_BYTES_MAX = 256 * 1024;
/** Levels of a selection; introspection by GraphiQL needs 13. */
const DEPTH_MAX = 16;
/** PostgreSQL's character_not_in_repertoire: an argument with NUL, which its text cannot hold. */
const NO_TEXT = '22021';

/** Refuses documents nested deeper than any answer of ours makes sense. Fragments count where they are spread. */
const depthRule: ValidationRule = (context) => ({
  Document(document) {
    const known = new Map<string, number>();
    for (const definition of document.definitions) {
      if (definition.kind !== 'OperationDefinition') continue;
      const depth = depthOf(definition.selectionSet, context, known);
      if (depth > DEPTH_MAX) {
        const extensions = { code: 'QUERY_TOO_COMPLEX' };
        context.reportError(
          new GraphQLError(`The document is ${depth} levels deep; at most ${DEPTH_MAX}.`, {
            nodes: definition,
            extensions,
          }),
        );
      }
    }
  },
});

type RuleContext = Parameters<ValidationRule>[0];
type Selections = Parameters<RuleContext['getFragmentSpreads']>[0];

/** @param known depths of fragments: each is looked at once, however often others spread it. */
function depthOf(set: Selections | undefined, context: RuleContext, known: Map<string, number>): number {
  let deepest = 0;
  for (const selection of set?.selections ?? []) {
    const depth =
      selection.kind === 'FragmentSpread'
        ? fragmentDepth(selection.name.value, context, known)
        : depthOf(selection.selectionSet, context, known) + (selection.kind === 'Field' ? 1 : 0);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function fragmentDepth(name: string, context: RuleContext, known: Map<string, number>): number {
  let depth = known.get(name);
  if (depth === undefined) {
    // A circle is another rule's finding: here it ends at its beginning.
    known.set(name, 0);
    depth = depthOf(context.getFragment(name)?.selectionSet, context, known);
    known.set(name, depth);
  }
  return depth;
}

export const VALIDATION_RULES: readonly ValidationRule[] = [depthRule];

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

/** The token of `Bearer …`; null where there is none. */
export function bearerToken(authorization: unknown): string | null {
  if (typeof authorization !== 'string') return null;
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1] ?? null;
}
