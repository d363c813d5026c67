import { type AgentLive, RECENT_WINDOWS } from '../../client/feeds/fleet-feed.js';
import { NOTHING, percent, rate } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { newestEvent, STALE_AFTER_MS } from '../../client/format/times.js';
import { recentRates, wholeWindowStart } from '../../client/model/series.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import { Sparkline } from './sparkline.js';

export interface ServerListProps {
  agents: readonly AgentCard[];
  live: ReadonlyMap<string, AgentLive>;
  /** Ids of those over which something fires. */
  firing: ReadonlySet<string | undefined>;
  loaded: boolean;
  nowMs: number;
}

const SIGNS: Record<AgentCard['status'], string> = { LIVE: '●', IDLE: '◐', OFFLINE: '○' };

/** One line a server: its last two minutes. */
export function ServerList({ agents, live, firing, loaded, nowMs }: ServerListProps) {
  return (
    <section className="servers" aria-label="Servers">
      <h2>Servers</h2>
      {agents.length === 0 && <Empty loaded={loaded} />}
      {agents.length > 0 && (
        <ul className="panel rows">
          {agents.map((agent) => (
            <li key={agent.id} className={`server ${firing.has(agent.id) ? 'firing' : ''}`}>
              <span className={`status ${agent.status.toLowerCase()}`} title={agent.status.toLowerCase()}>
                {SIGNS[agent.status]}
                <span className="unseen"> {agent.status.toLowerCase()}</span>
              </span>
              <span className="agent">{safeText(agent.name)}</span>
              <Figures live={live.get(agent.id)} nowMs={nowMs} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Figures({ live, nowMs }: { live: AgentLive | undefined; nowMs: number }) {
  if (live === undefined) return <span className="figures">{NOTHING}</span>;
  const { atMs, sliding, series } = live;
  const stale = nowMs - atMs > STALE_AFTER_MS;
  return (
    <>
      <Sparkline rates={recentRates(series, wholeWindowStart(atMs), RECENT_WINDOWS)} />
      <span className="figures" title={`of the 2 minutes to the ${newestEvent(atMs, nowMs).text}`}>
        <strong>{rate(sliding.hitsPerSecond)}</strong> hits/s
        <span className="errors"> · {percent(sliding.errorRate)} errors</span>
      </span>
      {stale && <span className="stale">{newestEvent(atMs, nowMs).text}</span>}
    </>
  );
}

function Empty({ loaded }: { loaded: boolean }) {
  if (!loaded) return <p className="panel calm">…</p>;
  return (
    <div className="panel calm">
      <p>No servers yet. An agent on each sends its access log here:</p>
      <pre>npm run agent -- /var/log/nginx/access.log --name web-1</pre>
      <p>
        with <code>HLM_URL</code> set to <code>{new URL('graphql', document.baseURI).href}</code>, and an agent's token.
      </p>
    </div>
  );
}
