import { randomUUID } from 'node:crypto';

/** Parses a JSON text whole. @throws where it is none, or not to be taken. */
export type ParseJson = (text: string) => unknown;

const BATCH = Buffer.from('"batch":{');
/** What `hlm agent` writes after a batch. */
const AFTER_BATCH = Buffer.from(',"malformed":');
/** Of a smaller one the batch is written anew as fast as it is found. */
const BODY_BYTES_MIN = 16_384;
/** Stands where the batch was: nobody can guess it. */
const PLACEHOLDER = randomUUID();

/** Texts of batches, by what they were parsed to. */
const texts = new WeakMap<object, Buffer>();

/** The text from which a batch was parsed, told once; null: not known. What has it need not write the batch anew. */
export function takeTextOf(batch: object): Buffer | null {
  const text = texts.get(batch) ?? null;
  texts.delete(batch);
  return text;
}

/**
 * Parses a request of `{"query": …, "variables": {"input": {… "batch": {…}, "malformed": …}}}`, and notes the batch's text. What
 * has another form is parsed all the same.
 *
 * The two parts are valid JSON each, one with a text in the place of the other, so that the whole is, and is the same: after
 * `"batch":` no string is open (its quotes would be escaped), and where an object ends is written in itself.
 *
 * @param bytesMin smaller bodies are parsed whole
 * @throws as `parse` does.
 */
export function parseBody(body: Buffer, parse: ParseJson, bytesMin = BODY_BYTES_MIN): unknown {
  if (body.length < bytesMin) return parse(body.toString('utf8'));
  const from = body.indexOf(BATCH) + BATCH.length - 1;
  const to = from < BATCH.length ? -1 : body.lastIndexOf(AFTER_BATCH);
  if (to <= from) return parse(body.toString('utf8'));
  const outer = `${body.toString('utf8', 0, from)}"${PLACEHOLDER}"${body.toString('utf8', to)}`;
  const text = body.subarray(from, to);
  let request: unknown;
  let batch: unknown;
  try {
    request = parse(outer);
    batch = parse(text.toString('utf8'));
  } catch {
    // Whatever is wrong is told of the whole, or was not wrong.
    return parse(body.toString('utf8'));
  }
  const input = inputOf(request);
  if (input?.batch !== PLACEHOLDER) return parse(body.toString('utf8'));
  texts.set((input.batch = batch as object), text);
  return request;
}

function inputOf(request: unknown): { batch?: unknown } | undefined {
  const { variables } = (request ?? {}) as { variables?: { input?: { batch?: unknown } } };
  return variables?.input ?? undefined;
}
