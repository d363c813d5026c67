import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Identity } from '../auth/tokens.js';
import { isTransient, stopping } from '../errors.js';
import type { Context, Services } from './context.js';
import { servePages } from './pages.js';
import type { Admission } from './walls/admission.js';
import { wallsPlugin } from './walls/apollo.js';
import { inflate, takeJsonOnly } from './walls/bodies.js';
import type { Certificate } from './walls/certificate.js';
import { DOCUMENT_TOKENS_MAX } from './walls/document.js';
import { addSecurityHeaders } from './walls/headers.js';
import { BODY_BYTES_MAX } from './walls/limits.js';
import { answerNoRequest, createListener } from './walls/listener.js';
import type { Proxies } from './walls/proxies.js';
import { errorFormatter } from './walls/say-error.js';
import type { Strangers } from './walls/strangers.js';
import type { Turnstile } from './walls/turnstile.js';
import { ValidDocuments } from './walls/valid-documents.js';

export interface HttpOptions {
  schema: GraphQLSchema;
  services: Services;
  turnstile: Turnstile;
  admission: Admission;
  /** Null: HTTP without TLS. */
  certificate: Certificate | null;
  proxies: Proxies;
  log: Logger;
  isReady: () => Promise<boolean>;
}

export interface Http {
  app: FastifyInstance;
  apollo: ApolloServer<Context>;
  /** Connections on which nobody has signed in. */
  strangers: Strangers;
}

const API_PATH = '/graphql';
/** What nobody answers reads no more than this of a body. */
const OTHER_BODY_BYTES_MAX = 64 * 1024;

/** Apollo on Fastify at /graphql, pages for browsers, health. Not listening yet. */
export async function buildHttp(options: HttpOptions): Promise<Http> {
  const { schema, turnstile, admission, certificate, proxies, log } = options;
  let strangers: Strangers | undefined;
  const app = Fastify({
    serverFactory: (handler): Server => {
      const listener = createListener(handler, turnstile.limits, certificate, proxies);
      strangers = listener.strangers;
      return listener.server;
    },
    bodyLimit: OTHER_BODY_BYTES_MAX,
    // Fastify's own 503 has no GraphQL errors.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerNoRequest(error, socket as Socket),
  });
  answerBeforeClosing(app);
  addSecurityHeaders(app, certificate !== null);
  takeJsonOnly(app);
  const documents = new ValidDocuments(schema);
  const format = errorFormatter(log);
  const apollo = new ApolloServer<Context>({
    schema,
    // For those who have signed in; nobody else gets so far.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    allowBatchedHttpRequests: false,
    // The walls' own, before the operation is admitted.
    dangerouslyDisableValidation: true,
    documentStore: documents,
    parseOptions: { maxTokens: DOCUMENT_TOKENS_MAX },
    formatError: format,
    plugins: [
      fastifyApolloDrainPlugin(app),
      // It would watch every field of every answer; none is to be cached, see `serveApi`.
      ApolloServerPluginCacheControlDisabled(),
      wallsPlugin({ documents, admission, format }),
    ],
    // Apollo's own tries whether an answer can be written prettily: a series of a year takes twice as long.
    stringifyResult: (answer) => `${JSON.stringify(answer)}\n`,
    logger: log,
  });
  await apollo.start();
  app.setErrorHandler(errorHandler(log));
  app.setNotFoundHandler(sayNotFound);
  serveHealth(app, options);
  await servePages(app);
  serveApi(app, apollo, strangers!, options);
  return { app, apollo, strangers: strangers! };
}

/** Who is not let in is told so before a byte of the body is read. */
function serveApi(
  app: FastifyInstance,
  apollo: ApolloServer<Context>,
  strangers: Strangers,
  options: HttpOptions,
): void {
  const { services, turnstile, proxies } = options;
  const identities = new WeakMap<FastifyRequest, Identity>();
  const signIn = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.header('cache-control', 'no-store');
    try {
      identities.set(request, await turnstile.signIn(request.headers.authorization, proxies.addressOf(request.raw)));
      strangers.signedIn(request.raw.socket);
    } catch (error) {
      if (hasLongBody(request)) reply.header('connection', 'close');
      throw error;
    }
  };
  const context = async (request: FastifyRequest, reply: FastifyReply): Promise<Context> => {
    const ended = new AbortController();
    // Each of its reads listens: more than ten at once are no leak.
    setMaxListeners(0, ended.signal);
    const deadline = setTimeout(() => ended.abort(), turnstile.limits.queryMs);
    reply.raw.once('close', () => {
      clearTimeout(deadline);
      if (!reply.raw.writableEnded) ended.abort();
    });
    return { identity: identities.get(request)!, services, signal: ended.signal };
  };
  app.route({
    url: API_PATH,
    method: ['GET', 'POST'],
    bodyLimit: BODY_BYTES_MAX,
    onRequest: signIn,
    preParsing: inflate,
    handler: fastifyApolloHandler<Context>(apollo, { context }),
  });
}

function hasLongBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > OTHER_BODY_BYTES_MAX;
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

/** What is refused before GraphQL sees it, in GraphQL's form; what went wrong inside goes to the log. */
function errorHandler(log: Logger) {
  const format = errorFormatter(log);
  return (error: Error & { statusCode?: number }, _request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof GraphQLError) {
      const { status = 400, headers = new Map() } = (error.extensions.http ?? {}) as {
        status?: number;
        headers?: Map<string, string>;
      };
      return reply
        .code(status)
        .headers(Object.fromEntries(headers))
        .send({ errors: [format(error.toJSON(), error)] });
    }
    const status = error.statusCode ?? (isTransient(error) ? 503 : 500);
    if (status >= 500) return reply.code(status).send({ errors: [format({ message: error.message }, error)] });
    const code = status === 413 ? 'PAYLOAD_TOO_LARGE' : 'BAD_REQUEST';
    return reply.code(status).send({ errors: [{ message: error.message, extensions: { code } }] });
  };
}

function sayNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // No GraphQL's form: clients tell a wrong address by it.
  if (request.url.split('?')[0] !== API_PATH) return reply.code(404).send({ error: 'Not found.' });
  const message = `${request.method} is not taken here; expected GET or POST.`;
  return reply
    .code(405)
    .header('allow', 'GET, POST')
    .send({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] });
}
