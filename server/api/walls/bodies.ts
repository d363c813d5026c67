import { isUtf8 } from 'node:buffer';
import { pipeline, type Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest, preParsingAsyncHookHandler } from 'fastify';
import { parseBody } from './batch-text.js';

/** What is wrong with a body, for Fastify to answer with. */
class BodyError extends Error {
  constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Takes JSON alone, and as what it is: UTF-8. What is no JSON by its type is 415. */
export function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  const parse = (request: FastifyRequest) => (text: string) => {
    let parsed: unknown;
    parseJson(request, text, (error, value) => {
      if (error) throw error;
      parsed = value;
    });
    return parsed;
  };
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body)) return done(new BodyError(400, 'The body is no UTF-8.'));
    try {
      done(null, parseBody(body, parse(request)));
    } catch (error) {
      done(error as Error);
    }
  });
}

/**
 * Inflates a body sent with `content-encoding: gzip`, as it comes. Fastify's limit counts what comes out, and ends it there: a
 * bomb costs no more than what is taken of any body.
 */
export const inflate: preParsingAsyncHookHandler = async (request, reply, payload) => {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return payload;
  if (encoding !== 'gzip') throw new BodyError(415, 'content-encoding is unknown; expected gzip, or none.');
  const body = inflated(payload as Readable);
  // What was refused before its end is not inflated any further.
  reply.raw.once('finish', () => body.destroy());
  return body;
};

/** Fastify compares the bytes that came with the content-length, if it is told how many they were. */
type Inflated = Readable & { receivedEncodedLength?: number };

function inflated(payload: Readable): Inflated {
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const body: Inflated = createGunzip();
  Object.defineProperty(body, 'receivedEncodedLength', { get: () => bytes });
  pipeline(payload, counted, body as Transform, () => undefined);
  body.on('error', (error: NodeJS.ErrnoException & { statusCode?: number }) => {
    if (error.code?.startsWith('Z_')) error.message = 'The body is no whole gzip.';
    error.statusCode = 400;
  });
  return body;
}
