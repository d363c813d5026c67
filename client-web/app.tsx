import { useEffect, useState } from 'react';
import { useStore } from '../client/hooks/use-store.js';
import { openBoard } from './board.js';
import { problemOf, type Session, useSession } from './hooks/use-session.js';
import { BoardPage } from './pages/board-page.js';
import { SignInPage } from './pages/sign-in-page.js';
import { WaitingPage } from './pages/waiting-page.js';

/** The page: who looks at it, then what they see. */
export function App() {
  const { session, signIn, signOut } = useSession();
  switch (session.kind) {
    case 'signed-out':
      return <SignInPage problem={session.problem} onToken={signIn} />;
    case 'asking':
      return <WaitingPage reason={null} onSignOut={signOut} />;
    case 'unreachable':
      return <WaitingPage reason={session.reason} onSignOut={signOut} />;
    case 'signed-in':
      return <SignedIn key={session.token} session={session} onSignOut={signOut} />;
  }
}

interface SignedInProps {
  session: Extract<Session, { kind: 'signed-in' }>;
  onSignOut: (problem?: string) => void;
}

function SignedIn({ session, onSignOut }: SignedInProps) {
  const [board] = useState(() => openBoard(session.token));
  useEffect(() => board.close, [board]);
  const link = useStore(board.context.link.state);
  useEffect(() => {
    if (link.kind === 'refused') onSignOut(problemOf(link.error));
  }, [link, onSignOut]);
  return <BoardPage board={board} viewer={session.viewer} onSignOut={() => onSignOut()} />;
}
