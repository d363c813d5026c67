import { Box } from 'ink';
import type { AlertState } from '../../client/feeds/alert-feed.js';
import { count } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { newestEvent } from '../../client/format/times.js';
import { isBeginning, newestFirst } from '../../client/model/alerts.js';
import { conditionOf, graphRule, rulesOf } from '../../client/model/rules.js';
import { touchedHits } from '../../client/model/series.js';
import { graphOf, type ServerState } from '../feeds/server-feed.js';
import type { TerminalSize } from '../hooks/use-terminal-size.js';
import type { Screen } from '../model/screen.js';
import type { TableSpan } from '../model/timeframes.js';
import { useTheme } from '../theme.js';
import { AlertPanel } from '../widgets/alert-panel.js';
import { Empty } from '../widgets/empty.js';
import { Figures } from '../widgets/figures.js';
import { FRAME_COLUMNS, type Frame, frameRows, Panel } from '../widgets/panel.js';
import { statusOf } from '../widgets/status.js';
import { ThresholdPanel } from '../widgets/threshold-panel.js';
import { TopTable } from '../widgets/top-table.js';
import { TrafficGraph } from '../widgets/traffic-graph.js';
import { serverLayout } from './layout.js';

export interface ServerPageProps {
  screen: Screen;
  server: ServerState;
  alerts: AlertState;
  size: TerminalSize;
  nowMs: number;
}

/** Page 2: one server, up to its newest event. */
export function ServerPage(props: ServerPageProps) {
  const { screen, server, alerts, size } = props;
  const layout = serverLayout(size.rows);
  const agentId = server.agent?.id ?? '';
  const rules = rulesOf(alerts.rules, agentId);
  const edited = screen.editing && rules.find((rule) => rule.id === screen.editing?.ruleId);
  const place = { frame: layout.frame, width: size.columns, height: layout.alerts };
  return (
    <Box flexDirection="column">
      <FiguresPanel {...props} frame={layout.frame} height={layout.figures} />
      <GraphPanel {...props} frame={layout.frame} height={layout.graph} />
      {layout.tables > 0 ? <TopTables {...props} frame={layout.frame} height={layout.tables} /> : null}
      {edited && screen.editing ? (
        <ThresholdPanel {...place} rule={edited} editing={screen.editing} several={rules.length > 1} />
      ) : (
        <AlertPanel
          {...place}
          book={alerts.book}
          loaded={alerts.loaded}
          agentId={agentId}
          skipped={screen.alertsSkipped}
          nowMs={props.nowMs}
        />
      )}
    </Box>
  );
}

type PartProps = ServerPageProps & { frame: Frame; height: number };

function FiguresPanel({ server, size, nowMs, frame, height }: PartProps) {
  const theme = useTheme();
  const { agent, atMs, series, sliding } = server;
  const status = agent ? statusOf(agent.status, theme) : null;
  const newest = atMs === null ? null : newestEvent(atMs, nowMs);
  return (
    <Panel
      title={safeText(agent?.name ?? '')}
      detail={status ? `${status.sign} ${status.word}` : ''}
      detailColour={status?.colour}
      aside={newest?.text ?? ''}
      asideColour={newest?.stale ? theme.warning : theme.muted}
      frame={frame}
      width={size.columns}
      height={height}
    >
      {atMs === null ? (
        <Empty text="waiting for the first entry" />
      ) : (
        <Figures series={series} sliding={sliding} atMs={atMs} width={size.columns - FRAME_COLUMNS} />
      )}
    </Panel>
  );
}

function GraphPanel({ server, alerts, size, nowMs, frame, height }: PartProps) {
  const theme = useTheme();
  const graph = graphOf(server);
  const agentId = server.agent?.id ?? '';
  const rule = graphRule(alerts.rules, agentId);
  const marks = newestFirst(alerts.book, agentId).map((event) => ({
    atMs: Date.parse(event.at),
    fired: isBeginning(event),
  }));
  return (
    <Panel
      title="Hits per second"
      detail={server.span.label}
      aside={rule ? `╌╌ ${safeText(rule.name)}: ${conditionOf(rule)}` : ''}
      asideColour={theme.threshold}
      frame={frame}
      width={size.columns}
      height={height}
    >
      {graph && server.atMs !== null ? (
        <TrafficGraph
          points={graph.points.map(({ startMs, endMs, stats }) => ({
            startMs,
            endMs,
            value: stats.hitsPerSecond,
            filling: endMs > server.atMs! + 1_000,
          }))}
          fromMs={graph.fromMs}
          toMs={graph.toMs}
          threshold={rule?.threshold ?? null}
          marks={marks}
          width={size.columns - FRAME_COLUMNS}
          height={height - frameRows(frame)}
          nowMs={nowMs}
        />
      ) : (
        <Empty text={server.atMs === null ? 'no entries yet' : '…'} />
      )}
    </Panel>
  );
}

function TopTables({ server, size, frame, height }: PartProps) {
  const labels: Record<TableSpan, string> = {
    sliding: size.columns < 100 ? '2 min' : 'last 2 min',
    tenSeconds: size.columns < 100 ? '10 s' : 'last 10 s',
    graph: server.span.label,
  };
  const tops = server.tables === 'sliding' ? server.sliding : server.tops;
  const left = Math.floor(size.columns / 2);
  // The sliding tops are of the 10-second windows that it touches, a little more than its own hits.
  const hits = server.tables === 'sliding' ? touchedHits(server.series, server.atMs ?? 0) : (tops?.hits ?? 0);
  const shared = { detail: labels[server.tables], hits, frame, height };
  return (
    <Box>
      <TopTable {...shared} title="Sections" entries={tops?.sections ?? null} width={left} />
      <TopTable
        {...shared}
        title={tops ? `Hosts (${count(tops.distinctHosts)})` : 'Hosts'}
        entries={tops?.hosts ?? null}
        width={size.columns - left}
      />
    </Box>
  );
}
