import type { Viewer } from '../../client/connection/check.js';
import type { LinkState } from '../../client/connection/link.js';
import { safeText } from '../../client/format/safe-text.js';
import { span } from '../../client/format/times.js';

export interface HeaderProps {
  link: LinkState;
  viewer: Viewer;
  nowMs: number;
  onRetry: () => void;
  onSignOut: () => void;
}

/** The product, whose page it is, and how the connection is. */
export function Header({ link, viewer, nowMs, onRetry, onSignOut }: HeaderProps) {
  return (
    <header className="bar">
      <h1>HTTP Logs Monitor</h1>
      <span className="who">
        {safeText(viewer.tenant.name)} · {viewer.role.toLowerCase()}
      </span>
      <Connection link={link} nowMs={nowMs} onRetry={onRetry} />
      <nav>
        <a href="graphql">API</a>
        <button type="button" className="quiet" onClick={onSignOut}>
          Sign out
        </button>
      </nav>
    </header>
  );
}

function Connection({ link, nowMs, onRetry }: Pick<HeaderProps, 'link' | 'nowMs' | 'onRetry'>) {
  if (link.kind === 'connected') return <span className="connection live">live</span>;
  if (link.kind !== 'lost') return <span className="connection lost">connecting…</span>;
  const { retryAtMs, reason } = link;
  const wait = retryAtMs === null ? '…' : ` in ${span(Math.max(1_000, retryAtMs - nowMs))}`;
  return (
    <span className="connection lost" title={reason}>
      <span role="status">reconnecting</span>
      {wait}
      {retryAtMs !== null && (
        <button type="button" className="quiet" onClick={onRetry}>
          Now
        </button>
      )}
    </span>
  );
}
