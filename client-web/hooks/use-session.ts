import { useCallback, useEffect, useState } from 'react';
import { checkServer, RefusedError, type Viewer } from '../../client/connection/check.js';
import { retryDelayMs } from '../../client/connection/link.js';
import { keepToken, readToken } from '../../client/token.js';
import { apiUrl } from '../address.js';

/** Who looks at the page. */
export type Session =
  | { kind: 'signed-out'; problem: string | null }
  | { kind: 'asking' }
  | { kind: 'unreachable'; reason: string }
  | { kind: 'signed-in'; token: string; viewer: Viewer };

export interface SessionControls {
  session: Session;
  signIn: (token: string, where: 'tab' | 'device') => void;
  /** @param problem why, where it was not the user's wish */
  signOut: (problem?: string) => void;
}

/** Why a token is not taken, as the form says it. */
export function problemOf(error: RefusedError): string {
  if (error.why === 'role') return `${error.message[0]!.toUpperCase()}${error.message.slice(1)}.`;
  return 'The server does not accept this token. It may be mistyped, revoked or expired.';
}

/** Signs in with the token that the address or the tab holds; asks again for as long as the server cannot be reached. */
export function useSession(): SessionControls {
  const [token, setToken] = useState(() => readToken(window));
  const [session, setSession] = useState<Session>(() => first(token));
  useEffect(() => {
    const onLink = () => setToken(readToken(window));
    addEventListener('hashchange', onLink);
    return () => removeEventListener('hashchange', onLink);
  }, []);

  const signOut = useCallback((problem: string | null = null) => {
    keepToken(window, '');
    setToken('');
    setSession({ kind: 'signed-out', problem });
  }, []);

  useEffect(() => {
    if (token === '') return;
    setSession({ kind: 'asking' });
    return askUntilAnswered(token, setSession, signOut);
  }, [token, signOut]);

  const signIn = useCallback((given: string, where: 'tab' | 'device') => {
    keepToken(window, given, where);
    setToken(readToken(window));
  }, []);
  return { session, signIn, signOut };
}

const first = (token: string): Session => (token === '' ? { kind: 'signed-out', problem: null } : { kind: 'asking' });

function askUntilAnswered(
  token: string,
  tell: (session: Session) => void,
  refuse: (problem: string) => void,
): () => void {
  const ending = new AbortController();
  let timer: number | undefined;
  let failures = 0;
  const ask = async () => {
    try {
      const viewer = await checkServer(apiUrl(), token, ending.signal);
      if (!ending.signal.aborted) tell({ kind: 'signed-in', token, viewer });
    } catch (error) {
      if (ending.signal.aborted) return;
      if (error instanceof RefusedError) {
        refuse(problemOf(error));
        return;
      }
      tell({ kind: 'unreachable', reason: error instanceof Error ? error.message : 'no answer' });
      timer = window.setTimeout(() => void ask(), retryDelayMs(failures, Math.random));
      failures += 1;
    }
  };
  void ask();
  return () => {
    ending.abort();
    clearTimeout(timer);
  };
}
