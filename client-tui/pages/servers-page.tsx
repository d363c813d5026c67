import { Box, Text } from 'ink';
import type { AlertState } from '../../client/feeds/alert-feed.js';
import type { FleetState } from '../../client/feeds/fleet-feed.js';
import { safeText } from '../../client/format/safe-text.js';
import { firing } from '../../client/model/alerts.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import type { TerminalSize } from '../hooks/use-terminal-size.js';
import type { Screen } from '../model/screen.js';
import { AlertPanel } from '../widgets/alert-panel.js';
import { Empty } from '../widgets/empty.js';
import { FRAME_COLUMNS, frameRows, Panel } from '../widgets/panel.js';
import { SearchLine } from '../widgets/search-line.js';
import { ServerList } from '../widgets/server-list.js';
import { listLayout } from './layout.js';

export interface ServersPageProps {
  screen: Screen;
  fleet: FleetState;
  /** Those that the search leaves, in their order. */
  agents: readonly AgentCard[];
  chosen: number;
  alerts: AlertState;
  size: TerminalSize;
  nowMs: number;
}

/** Page 1: all servers, and what alerts there are. */
export function ServersPage({ screen, fleet, agents, chosen, alerts, size, nowMs }: ServersPageProps) {
  const layout = listLayout(size.rows, agents.length);
  const counts = new Map<string, number>();
  for (const { agent } of firing(alerts.book)) if (agent) counts.set(agent.id, (counts.get(agent.id) ?? 0) + 1);
  const known = fleet.agents.size < fleet.total ? `${agents.length} of ${fleet.total}` : `${agents.length}`;
  const detail = screen.search === '' ? known : `${known} with "${screen.search}"`;
  return (
    <Box flexDirection="column">
      <Panel title="Servers" detail={safeText(detail)} frame={layout.frame} width={size.columns} height={layout.list}>
        {screen.searching ? <SearchLine text={screen.search} /> : null}
        {agents.length > 0 ? (
          <ServerList
            agents={agents}
            live={fleet.live}
            firing={counts}
            chosen={chosen}
            width={size.columns - FRAME_COLUMNS}
            rows={layout.list - frameRows(layout.frame) - (screen.searching ? 1 : 0)}
            nowMs={nowMs}
          />
        ) : (
          <NoServers screen={screen} loaded={fleet.loaded} />
        )}
      </Panel>
      {layout.alerts > 0 ? (
        <AlertPanel
          book={alerts.book}
          loaded={alerts.loaded}
          skipped={0}
          nowMs={nowMs}
          frame={layout.frame}
          width={size.columns}
          height={layout.alerts}
        />
      ) : null}
    </Box>
  );
}

function NoServers({ screen, loaded }: { screen: Screen; loaded: boolean }) {
  if (screen.page.kind === 'waiting') {
    return <Empty text={`waiting for a server named ${safeText(screen.page.name)} · Esc shows all servers`} />;
  }
  if (!loaded) return <Empty text="loading…" />;
  if (screen.search !== '') return <Empty text="no server has that in its name" />;
  return (
    <>
      <Empty text="No servers yet. On a machine with access logs:" />
      <Text> </Text>
      <Text wrap="truncate"> hlm agent /var/log/nginx/access.log --name web-1</Text>
    </>
  );
}
