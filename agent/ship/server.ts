import type { TadaDocumentNode } from 'gql.tada';
// Not all of graphql: loading it takes some 60 ms before the first line goes.
import { print } from 'graphql/language/printer.js';
import { jsonParts } from '../../schema/operations/written-json.js';
import { UserError } from '../../schema/user-error.js';
import type { Clock } from '../clock.js';
import { type Answer, readAnswer } from './answer.js';
import { backOffMs } from './back-off.js';
import { type Halt, Halted } from './halt.js';
import { type Body, keptConnections, type Post } from './post.js';

/** Longer than the server's own limit on a statement, so that it is the server that gives up first. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Failures in a row that are worth a line: a connection that was closed while resting is none. */
const SAID_AFTER_FAILURES = 2;
/** A limit is said once, and again only after so long without it: it may last for days. */
const LIMIT_SAID_AGAIN_MS = 300_000;

export interface ServerOptions {
  /** GraphQL addresses: on a failed connection the next one is tried. */
  urls: readonly string[];
  token: string;
  clock: Clock;
  say: (line: string) => void;
  /** Default: over the network. */
  post?: Post;
}

/** The server knows no such stream or agent (any more): connect again. */
export class NotFoundError extends Error {
  override name = 'NotFoundError';
}

/** The batch is more than the server takes at once: send less. */
export class TooLargeError extends Error {
  override name = 'TooLargeError';
}

function networkTrouble(error: unknown, timedOut: boolean): string {
  if (timedOut) return `did not answer within ${REQUEST_TIMEOUT_MS / 1_000} s`;
  const { code, message } = error as NodeJS.ErrnoException;
  return `cannot be reached (${code ?? message})`;
}

/** Asks the server, as often as it takes. */
export class Server {
  private place = 0;
  private failures = 0;
  /** When the last answer was that this is more than allowed, by the monotonic clock. */
  private limitedMs = Number.NEGATIVE_INFINITY;
  private everAnswered = false;
  private readonly texts = new Map<unknown, string>();
  private readonly send: Post;

  constructor(private readonly options: ServerOptions) {
    this.send = options.post ?? keptConnections();
  }

  private get url(): string {
    return this.options.urls[this.place];
  }

  /**
   * Sends the same until its outcome is known.
   *
   * @throws UserError where that is a refusal; NotFoundError, TooLargeError; Halted where it was given up.
   */
  async ask<Result, Variables>(
    document: TadaDocumentNode<Result, Variables>,
    variables: Variables,
    halt: Halt,
  ): Promise<Result> {
    const { clock } = this.options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.askOnce(document, variables, halt);
      if (answer.kind === 'data') return answer.data as Result;
      if (halt.soft.aborted) throw new Halted();
      await clock.sleep(backOffMs(attempt, clock.random(), answer.retryAfterMs), halt.soft);
    }
  }

  /** One attempt, over all servers where the first ones cannot be reached. Throws as `ask` does. */
  async askOnce<Result, Variables>(
    document: TadaDocumentNode<Result, Variables>,
    variables: Variables,
    halt: Halt,
  ): Promise<Exclude<Answer, { kind: 'refused' | 'foreign' }>> {
    let query = this.texts.get(document);
    if (query === undefined) this.texts.set(document, (query = print(document)));
    const body = jsonParts({ query, variables });
    for (let server = 1; ; server++) {
      if (halt.hard.aborted) throw new Halted();
      const answer = await this.post(body, halt.hard);
      if (halt.hard.aborted) throw new Halted();
      if (answer === null) continue;
      if (answer.kind === 'data') {
        this.answered();
        return answer;
      }
      if (answer.kind === 'refused') throw this.refusal(answer.code, answer.message);
      // Later it is a gateway between two releases, not a wrong address.
      if (answer.kind === 'foreign' && !this.everAnswered) throw new UserError(`${this.url} ${answer.why}`);
      if (answer.kind === 'retry' && answer.limited) {
        // Another server would say the same, or be made to let through what is too much.
        this.limited(answer.why);
        return answer;
      }
      const served = answer.kind === 'retry' && answer.served;
      const retryAfterMs = answer.kind === 'retry' ? answer.retryAfterMs : null;
      this.failed(answer.why);
      this.place = (this.place + 1) % this.options.urls.length;
      if (served || server >= this.options.urls.length)
        return { kind: 'retry', why: answer.why, retryAfterMs, served, limited: false };
    }
  }

  /** Null: not sent, for the hard halt. */
  private async post(body: Body, hard: AbortSignal): Promise<Answer | null> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      authorization: `Bearer ${this.options.token}`,
    };
    const given = new AbortController();
    const giveUp = () => given.abort();
    const timer = setTimeout(giveUp, REQUEST_TIMEOUT_MS);
    hard.addEventListener('abort', giveUp);
    try {
      const { status, body: answer } = await this.send(this.url, headers, body, given.signal);
      return readAnswer(status, answer);
    } catch (error) {
      if (hard.aborted) return null;
      const why = networkTrouble(error, given.signal.aborted);
      return { kind: 'retry', why, retryAfterMs: null, served: false, limited: false };
    } finally {
      clearTimeout(timer);
      hard.removeEventListener('abort', giveUp);
    }
  }

  private refusal(code: string, message: string): Error {
    if (code === 'NOT_FOUND') return new NotFoundError(message);
    if (code === 'PAYLOAD_TOO_LARGE') return new TooLargeError(message);
    if (code === 'UNAUTHENTICATED') return new UserError(`${this.url} does not know this token: ${message}`);
    if (code === 'FORBIDDEN')
      return new UserError(`${this.url}: this token may not send logs for this agent: ${message}`);
    return new UserError(`${this.url} refused: ${message} (${code})`);
  }

  private limited(why: string): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.limitedMs > LIMIT_SAID_AGAIN_MS) this.options.say(`${this.url} ${why}`);
    this.limitedMs = nowMs;
  }

  private failed(why: string): void {
    this.failures++;
    if (this.failures === SAID_AFTER_FAILURES) this.options.say(`${this.url} ${why}; trying again`);
  }

  private answered(): void {
    if (this.failures >= SAID_AFTER_FAILURES) this.options.say(`${this.url} answers again`);
    this.failures = 0;
    this.everAnswered = true;
  }
}
