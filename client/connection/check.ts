import { stringifyDocument } from 'urql';
import { ViewerQuery } from '../../schema/operations/agents.js';
import type { ResultOf } from '../../schema/operations/graphql.js';
import { UserError } from '../../schema/user-error.js';
import { safeText } from '../format/safe-text.js';
import { describeFailure } from './describe.js';

/** Long enough for a server that is starting, short enough for someone who waits at a prompt. */
const ANSWER_WITHIN_MS = 10_000;
const AGENTS_TOKEN = "this token is an agent's and may only send entries; looking at them needs one that reads";

export type Viewer = ResultOf<typeof ViewerQuery>['viewer'];

/** The server does not take the token, or not for reading: asking again would change nothing. */
export class RefusedError extends UserError {
  constructor(
    message: string,
    readonly why: 'token' | 'role' = 'token',
  ) {
    super(message);
  }
}

/**
 * Asks a server who we are: the one question that tells an address that cannot be reached, one that is no GraphQL,
 * a wrong token and a role that may not look from one another.
 *
 * @throws RefusedError where the token is not taken, UserError in all other cases; one line each.
 */
export async function checkServer(url: string, token: string, signal?: AbortSignal): Promise<Viewer> {
  const answer = await ask(url, token, signal);
  const error = answer.errors?.[0];
  if (error?.extensions?.code === 'UNAUTHENTICATED') throw new RefusedError(`${url} does not accept this token`);
  if (error) throw new UserError(`${url} answers: ${safeText(error.message ?? 'an error without a message')}`);
  const viewer = answer.data?.viewer;
  if (!viewer?.role) throw new UserError(`${url} answers GraphQL, but is no HTTP Logs Monitor`);
  if (viewer.role === 'AGENT') {
    throw new RefusedError(AGENTS_TOKEN, 'role');
  }
  return viewer;
}

interface Answer {
  data?: { viewer?: Viewer } | null;
  errors?: { message?: string; extensions?: { code?: string } }[];
}

async function ask(url: string, token: string, signal?: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: stringifyDocument(ViewerQuery) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }).catch((error: unknown) => {
    throw new UserError(`cannot reach ${url}: ${describeFailure(error)}`);
  });
  const text = await response.text().catch((error: unknown) => {
    throw new UserError(`cannot read the answer of ${url}: ${describeFailure(error)}`);
  });
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer))
      return answer as Answer;
  } catch {
    // No JSON: said below.
  }
  if (response.status === 401 || response.status === 403) throw new RefusedError(`${url} does not accept this token`);
  throw new UserError(`${url} does not answer GraphQL (HTTP ${response.status})`);
}
