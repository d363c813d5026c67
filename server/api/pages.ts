import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** The paths that a browser finds a page at. */
const WEB_PATH = '/';
const GRAPHIQL_PATH = '/graphql';

interface BundledPage {
  /** Made by vite beside the compiled server, with all scripts and styles in its `assets/`. */
  folder: string;
  /** Where the assets are asked for. */
  assetsPath: string;
  policy: string;
}

/** It runs its own scripts alone, speaks to where it came from, and cannot turn text into HTML at all. */
const WEB_PAGE: BundledPage = {
  folder: bundle('client-web'),
  assetsPath: '/assets/',
  policy: [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", 'img-src data:', "connect-src 'self'"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join('; '),
};

/** Its editor sets styles of its own making; nothing else may. */
const GRAPHIQL: BundledPage = {
  folder: bundle('graphiql'),
  assetsPath: '/graphiql/assets/',
  policy:
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
};

function bundle(name: string): string {
  return fileURLToPath(new URL(`../../${name}/`, import.meta.url));
}

/**
 * Serves browsers the web page at / and GraphiQL at /graphql, where programs find the API. Where the bundles are absent
 * (tests of the sources) there are no pages.
 */
export async function servePages(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, { serve: false });
  if (await serveAssets(app, GRAPHIQL)) {
    app.addHook('onRequest', async (request, reply) => (isVisit(request) ? sendPage(reply, GRAPHIQL) : undefined));
  }
  const isServed = await serveAssets(app, WEB_PAGE);
  app.get(WEB_PATH, (_request, reply) => (isServed ? sendPage(reply, WEB_PAGE) : reply.redirect(GRAPHIQL_PATH)));
}

async function serveAssets(app: FastifyInstance, { folder, assetsPath }: BundledPage): Promise<boolean> {
  const root = `${folder}assets`;
  if (!existsSync(root)) return false;
  await app.register(fastifyStatic, {
    ...{ root, prefix: assetsPath, index: false, maxAge: '1h', decorateReply: false },
    preCompressed: true,
    setHeaders: (reply) => void reply.setHeader('vary', 'accept-encoding'),
  });
  return true;
}

/** A browser that asks for /graphql. */
function isVisit({ method, url, headers }: FastifyRequest): boolean {
  return method === 'GET' && url.split('?')[0] === GRAPHIQL_PATH && headers.accept?.includes('text/html') === true;
}

function sendPage(reply: FastifyReply, { folder, policy }: BundledPage): FastifyReply {
  reply.header('content-security-policy', policy);
  return reply.sendFile('index.html', folder, { maxAge: 0 });
}
