export interface WaitingPageProps {
  /** Why the server cannot be reached; null: it is being asked. */
  reason: string | null;
  onSignOut: () => void;
}

/** Until the server has said who one is. */
export function WaitingPage({ reason, onSignOut }: WaitingPageProps) {
  return (
    <main className="sign-in">
      <div className="panel" role="status">
        <h1>HTTP Logs Monitor</h1>
        {reason === null ? (
          <p className="help">Signing in…</p>
        ) : (
          <>
            <p className="problem">The server cannot be reached: {reason}.</p>
            <p className="help">This page goes on trying.</p>
            <button type="button" onClick={() => onSignOut()}>
              Use another token
            </button>
          </>
        )}
      </div>
    </main>
  );
}
