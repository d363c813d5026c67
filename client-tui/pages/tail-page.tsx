import { Box, Text } from 'ink';
import { bytes, count } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { clockTime } from '../../client/format/times.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import type { TailEntry } from '../../schema/operations/live.js';
import type { TerminalSize } from '../hooks/use-terminal-size.js';
import type { Tailing } from '../model/screen.js';
import type { TailBook, TailRow } from '../model/tail.js';
import { type Theme, useTheme } from '../theme.js';
import { Empty } from '../widgets/empty.js';
import { FRAME_COLUMNS, frameRows, Panel } from '../widgets/panel.js';
import { SearchLine } from '../widgets/search-line.js';
import { type Column, Row } from '../widgets/table.js';
import { bodyRows, frameFor } from './layout.js';

export interface TailPageProps {
  agent: AgentCard | null;
  tailing: Tailing;
  tail: TailBook;
  size: TerminalSize;
}

/** Page 3: a server's log as lines come in, the newest below. */
export function TailPage({ agent, tailing, tail, size }: TailPageProps) {
  const theme = useTheme();
  const frame = frameFor(size.rows);
  const height = bodyRows(size.rows);
  const width = size.columns - FRAME_COLUMNS;
  const isTyping = tailing.draft !== null;
  const room = height - frameRows(frame) - (isTyping ? 1 : 0);
  return (
    <Panel
      title={safeText(agent?.name ?? '')}
      detail={`log, ${conditionsOf(tailing)}${pausedOf(tailing, tail)}`}
      detailColour={tailing.paused ? theme.warning : undefined}
      aside={tail.leftOut > 0 ? `${count(tail.leftOut)} left out` : ''}
      asideColour={theme.warning}
      frame={frame}
      width={size.columns}
      height={height}
    >
      {isTyping ? <SearchLine text={tailing.draft ?? ''} /> : null}
      <Box flexDirection="column">
        {tail.rows.slice(-room).map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
          <TailLine key={index} row={row} width={width} />
        ))}
      </Box>
      {tail.rows.length === 0 ? <Empty text="nothing has come since; lines show as they come in" /> : null}
    </Panel>
  );
}

/** `all lines`, `status from 400, path with "user"`. */
function conditionsOf({ statusMin, text }: Tailing): string {
  const parts = [
    ...(statusMin === null ? [] : [`status from ${statusMin}`]),
    ...(text === '' ? [] : [`path with "${safeText(text)}"`]),
  ];
  return parts.length === 0 ? 'all lines' : parts.join(', ');
}

function pausedOf({ paused }: Tailing, { held }: TailBook): string {
  if (!paused) return '';
  const waiting = (held ?? []).filter(({ kind }) => kind === 'entry').length;
  return waiting === 0 ? ' · paused' : ` · paused, ${count(waiting)} more came`;
}

/** From these columns on there is room for who asked. */
const HOST_FROM_COLUMNS = 90;

function columnsOf(width: number): Column[] {
  const fixed: Column[] = [
    { width: 8 },
    { width: 3, align: 'right' },
    ...(width >= HOST_FROM_COLUMNS ? [{ width: 15 }] : []),
    { width: 8, align: 'right' },
    { width: 7 },
  ];
  const taken = fixed.reduce((sum, column) => sum + column.width + 1, 0);
  return [...fixed, { width: Math.max(1, width - taken) }];
}

function TailLine({ row, width }: { row: TailRow; width: number }) {
  const theme = useTheme();
  if (row.kind === 'gap') return <Text color={theme.muted}>╌╌ connected again: what came meanwhile is not here</Text>;
  if (row.kind === 'leftOut') return <Text color={theme.warning}>╌╌ {count(row.count)} left out</Text>;
  const { time, host, method, path, query, status, bytes: size } = row.entry;
  const columns = columnsOf(width);
  return (
    <Row
      columns={columns}
      cells={[
        { text: clockTime(Date.parse(time)), colour: theme.muted },
        { text: status === 0 ? '–' : String(status), colour: colourOf(row.entry, theme) },
        ...(columns.length > 5 ? [{ text: safeText(host), colour: theme.muted }] : []),
        { text: bytes(size), colour: theme.muted },
        { text: safeText(method) },
        { text: safeText(query === null ? path : `${path}?${query}`) },
      ]}
    />
  );
}

function colourOf({ status }: TailEntry, theme: Theme): string | undefined {
  const classes = [theme.informational, theme.success, theme.redirection, theme.clientError, theme.serverError];
  return classes[Math.floor(status / 100) - 1];
}
