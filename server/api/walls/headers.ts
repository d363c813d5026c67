import type { FastifyInstance } from 'fastify';

/** On every answer: it is data, which no page may frame, sniff or run. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Browsers that came by TLS come by TLS for half a year. */
const TRANSPORT_SECURITY = 'max-age=15552000';

/** Pages say their own policy of contents, before. */
export function addSecurityHeaders(app: FastifyInstance, isSecure: boolean): void {
  app.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
    if (isSecure) reply.header('strict-transport-security', TRANSPORT_SECURITY);
  });
}
