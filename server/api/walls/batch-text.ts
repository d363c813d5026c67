import { randomUUID } from 'node:crypto';
import { BatchText } from '../../../schema/log-batch-text.js';

/** Parses a JSON text whole. @throws where it is none, or not to be taken. */
export type ParseJson = (text: string) => unknown;

const BATCH = Buffer.from('"batch":{');
/** What `hlm agent` writes after a batch. */
const AFTER_BATCH = Buffer.from(',"malformed":');
/** A smaller one is parsed whole as fast as its batch is found. */
const BODY_BYTES_MIN = 16_384;
/** Stands where the batch was: nobody can guess it. */
const PLACEHOLDER = randomUUID();

/**
 * Parses a request. Of one of `{"query": …, "variables": {"input": {… "batch": {…}, "malformed": …}}}`, the batch is read from its
 * text where both have the form in which `hlm agent` writes them; what has another form is parsed all the same.
 *
 * The two parts are valid JSON each, one with a text in the place of the other, so that the whole is, and is the same: after
 * `"batch":` no string is open (its quotes would be escaped), and where an object ends is written in itself.
 *
 * @param bytesMin smaller bodies are parsed whole
 * @throws as `parse` does.
 */
export function parseBody(body: Buffer, parse: ParseJson, bytesMin = BODY_BYTES_MIN): unknown {
  const from = body.length < bytesMin ? -1 : body.indexOf(BATCH) + BATCH.length - 1;
  const to = from < BATCH.length ? -1 : body.lastIndexOf(AFTER_BATCH);
  const batch = to <= from ? null : BatchText.read(body.subarray(from, to));
  const request = batch && parsedOrNull(withPlaceholder(body, from, to), parse);
  const input = inputOf(request);
  // Whatever is wrong is told of the whole, or was not wrong.
  if (input?.batch !== PLACEHOLDER) return parse(body.toString('utf8'));
  input.batch = batch;
  return request;
}

const withPlaceholder = (body: Buffer, from: number, to: number) =>
  `${body.toString('utf8', 0, from)}"${PLACEHOLDER}"${body.toString('utf8', to)}`;

function parsedOrNull(text: string, parse: ParseJson): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function inputOf(request: unknown): { batch?: unknown } | undefined {
  const { variables } = (request ?? {}) as { variables?: { input?: { batch?: unknown } } };
  return variables?.input ?? undefined;
}
