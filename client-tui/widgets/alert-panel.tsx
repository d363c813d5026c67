import { Text } from 'ink';
import { safeText } from '../../client/format/safe-text.js';
import { type AlertBook, firing, flaps, isBeginning, newestFirst } from '../../client/model/alerts.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';
import { sized, wrap } from '../format/width.js';
import { type Theme, useTheme } from '../theme.js';
import { Empty } from './empty.js';
import { FRAME_COLUMNS, type Frame, frameRows, Panel } from './panel.js';

export interface AlertPanelProps {
  book: AlertBook;
  loaded: boolean;
  /** One server's alerts; all, each with its server's name, where undefined. */
  agentId?: string;
  /** Events of the history scrolled past. */
  skipped: number;
  nowMs: number;
  frame: Frame;
  width: number;
  height: number;
}

interface AlertLine {
  id: string;
  badge: string;
  colour: string | undefined;
  firing: boolean;
  text: string;
}

const BADGE_COLUMNS = 10;
const BADGES: Record<AlertEventCard['type'], string> = {
  TRIGGERED: '▲ fired',
  NO_DATA: '▲ no data',
  RECOVERED: '▼ ended',
  CLOSED: '◆ closed',
};

/** What fires now, then the history, the newest first. Messages are the server's own words. */
export function AlertPanel(props: AlertPanelProps) {
  const { book, loaded, agentId, skipped, nowMs, frame, width, height } = props;
  const theme = useTheme();
  const now = firing(book, agentId);
  const current = new Set(now.map((event) => event.id));
  const past = newestFirst(book, agentId).filter((event) => !current.has(event.id));
  const rows = height - frameRows(frame);
  const lines = [...now, ...past.slice(skipped)].slice(0, rows).flatMap((event) => {
    const shown = { isFiring: current.has(event.id), isNamed: agentId === undefined, nowMs };
    return linesOf(event, shown, width - FRAME_COLUMNS, theme);
  });
  const older = skipped > 0 ? `, from ${skipped + 1}` : '';
  return (
    <Panel
      title="Alerts"
      detail={now.length > 0 ? `${now.length} firing` : `none firing · history of ${past.length}${older}`}
      frame={frame}
      width={width}
      height={height}
    >
      {lines.slice(0, rows).map((line) => (
        <Text key={line.id} wrap="truncate">
          <Text color={line.colour} bold={line.firing} inverse={line.firing && line.badge !== ''}>
            {line.badge === '' ? ' '.repeat(BADGE_COLUMNS - 1) : sized(line.badge, BADGE_COLUMNS - 1)}
          </Text>{' '}
          <Text color={line.firing ? line.colour : undefined} bold={line.firing}>
            {line.text}
          </Text>
        </Text>
      ))}
      {lines.length === 0 ? <Empty text={loaded ? 'no alerts yet' : '…'} /> : null}
    </Panel>
  );
}

interface Shown {
  isFiring: boolean;
  /** With its server's name. */
  isNamed: boolean;
  nowMs: number;
}

function linesOf(event: AlertEventCard, { isFiring, isNamed, nowMs }: Shown, width: number, theme: Theme): AlertLine[] {
  const colour = isBeginning(event) ? theme.bad : event.type === 'RECOVERED' ? theme.good : theme.muted;
  const message = `${flaps(event, nowMs) ? 'flapping · ' : ''}${safeText(event.message)}`;
  const text = isNamed ? `${safeText(event.agentName)}: ${message}` : message;
  return wrap(text, width - BADGE_COLUMNS, 2).map((each, index) => ({
    id: `${event.id}/${index}`,
    badge: index > 0 ? '' : isFiring ? (event.type === 'NO_DATA' ? ' NO DATA' : ' FIRING') : BADGES[event.type],
    colour,
    firing: isFiring,
    text: each,
  }));
}
