import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.js';
import { stopping } from '../errors.js';
import type { Context, Services } from './context.js';
import { BODY_BYTES_MAX, bearerToken, DOCUMENT_TOKENS_MAX, errorFormatter, VALIDATION_RULES } from './operations.js';

export interface HttpOptions {
  schema: GraphQLSchema;
  services: Services;
  tokens: Tokens;
  log: Logger;
  isReady: () => Promise<boolean>;
}

/** GraphiQL's bundle beside the compiled server; where it is absent (tests of the sources) the page is not served. */
const GRAPHIQL_FOLDER = fileURLToPath(new URL('../../graphiql/', import.meta.url));
const PAGE_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Apollo on Fastify at /graphql, GraphiQL for browsers, health. Not listening yet. */
export async function buildHttp(
  options: HttpOptions,
): Promise<{ app: FastifyInstance; apollo: ApolloServer<Context> }> {
  const { schema, services, tokens, log } = options;
  // Fastify's own 503 has no GraphQL errors.
  const app = Fastify({ bodyLimit: BODY_BYTES_MAX, requestTimeout: 30_000, return503OnClosing: false });
  answerBeforeClosing(app);
  const apollo = new ApolloServer<Context>({
    schema,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    allowBatchedHttpRequests: false,
    validationRules: [...VALIDATION_RULES],
    parseOptions: { maxTokens: DOCUMENT_TOKENS_MAX },
    formatError: errorFormatter(log),
    // It would watch every field of every answer; none is to be cached, see `context`.
    plugins: [fastifyApolloDrainPlugin(app), ApolloServerPluginCacheControlDisabled()],
    // Apollo's own tries whether an answer can be written prettily: a series of a year takes twice as long.
    stringifyResult: (answer) => `${JSON.stringify(answer)}\n`,
    logger: log,
  });
  await apollo.start();
  app.setErrorHandler(sayError);
  serveHealth(app, options);
  await serveGraphiql(app);
  await app.register(fastifyApollo<Context>(apollo), {
    path: '/graphql',
    method: ['GET', 'POST'],
    context: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort();
      });
      reply.header('cache-control', 'no-store');
      const secret = bearerToken(request.headers.authorization);
      return { identity: secret === null ? null : await tokens.signIn(secret), services, signal: gone.signal };
    },
  });
  app.get('/', (_request, reply) => reply.redirect('/graphql'));
  return { app, apollo };
}

/**
 * Once it closes, what is in flight is answered, and its connection then ended, which would otherwise be kept for minutes;
 * new requests are refused. What takes longer than 10 s is cut off (fastifyApolloDrainPlugin).
 */
function answerBeforeClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async (_request, reply) => {
    if (closing) return reply.code(503).send({ errors: [stopping().toJSON()] });
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}

function serveHealth(app: FastifyInstance, { isReady }: HttpOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await isReady().catch(() => false);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
}

/** A browser that asks for /graphql gets the page; a program the API. */
async function serveGraphiql(app: FastifyInstance): Promise<void> {
  if (!existsSync(`${GRAPHIQL_FOLDER}index.html`)) return;
  await app.register(fastifyStatic, { root: GRAPHIQL_FOLDER, prefix: '/graphiql/', index: false, maxAge: '1h' });
  app.addHook('onRequest', async (request, reply) => {
    const isPage =
      request.method === 'GET' &&
      request.url.split('?')[0] === '/graphql' &&
      request.headers.accept?.includes('text/html');
    if (!isPage) return;
    reply
      .header('content-security-policy', PAGE_POLICY)
      .header('referrer-policy', 'no-referrer')
      .header('x-content-type-options', 'nosniff');
    return reply.sendFile('index.html', GRAPHIQL_FOLDER, { maxAge: 0 });
  });
}

/** What Fastify refuses before GraphQL sees it, in GraphQL's form. */
function sayError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  const code = status === 413 ? 'PAYLOAD_TOO_LARGE' : status < 500 ? 'BAD_REQUEST' : 'INTERNAL_SERVER_ERROR';
  const message = status < 500 ? error.message : 'Internal error.';
  return reply.code(status).send({ errors: [{ message, extensions: { code } }] });
}
