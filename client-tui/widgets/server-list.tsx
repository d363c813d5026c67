import type { AgentLive } from '../../client/feeds/fleet-feed.js';
import { RECENT_WINDOWS } from '../../client/feeds/fleet-feed.js';
import { NOTHING, percent, rate } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import { ago, STALE_AFTER_MS } from '../../client/format/times.js';
import { NO_FIGURES, recentRates, wholeWindowStart } from '../../client/model/series.js';
import type { AgentCard } from '../../schema/operations/agents.js';
import { sparkline } from '../model/graph.js';
import { type Theme, useTheme } from '../theme.js';
import { statusOf } from './status.js';
import { type Cell, type Column, Row } from './table.js';

export interface ServerListProps {
  agents: readonly AgentCard[];
  live: ReadonlyMap<string, AgentLive>;
  /** Firing alerts by server. */
  firing: ReadonlyMap<string, number>;
  chosen: number;
  width: number;
  /** With the heads. */
  rows: number;
  nowMs: number;
}

interface Field extends Column {
  head: string;
  cell: (row: RowData, theme: Theme) => Cell;
}

interface RowData {
  agent: AgentCard;
  live: AgentLive | undefined;
  firing: number;
  nowMs: number;
}

const shareCell = (part: number, hits: number, colour: string | undefined, theme: Theme): Cell => ({
  text: percent(hits > 0 ? part / hits : 0),
  colour: part > 0 ? colour : theme.muted,
});

const nothing = (theme: Theme): Cell => ({ text: NOTHING, colour: theme.muted });

/** After the name. What a narrow terminal leaves out is said in `DISPENSABLE`. */
const FIELDS: readonly Field[] = [
  {
    head: 'status',
    width: 9,
    cell: ({ agent }, theme) => {
      const { sign, word, colour } = statusOf(agent.status, theme);
      return { text: `${sign} ${word}`, colour };
    },
  },
  {
    head: 'hits/s',
    width: 7,
    align: 'right',
    cell: ({ live }, theme) =>
      live
        ? { text: rate((live.series.get(wholeWindowStart(live.atMs))?.stats ?? NO_FIGURES).hitsPerSecond), bold: true }
        : nothing(theme),
  },
  {
    head: 'last 2 min',
    width: RECENT_WINDOWS,
    cell: ({ live, firing }, theme) =>
      live
        ? {
            text: sparkline(recentRates(live.series, wholeWindowStart(live.atMs), RECENT_WINDOWS)),
            colour: firing > 0 ? theme.barHigh : theme.bar,
          }
        : nothing(theme),
  },
  {
    head: '2 min avg',
    width: 9,
    align: 'right',
    cell: ({ live }, theme) => (live ? { text: rate(live.sliding.hitsPerSecond) } : nothing(theme)),
  },
  {
    head: '4xx',
    width: 5,
    align: 'right',
    cell: ({ live }, theme) =>
      live ? shareCell(live.sliding.status.clientError, live.sliding.hits, theme.clientError, theme) : nothing(theme),
  },
  {
    head: '5xx',
    width: 5,
    align: 'right',
    cell: ({ live }, theme) =>
      live ? shareCell(live.sliding.status.serverError, live.sliding.hits, theme.serverError, theme) : nothing(theme),
  },
  {
    head: 'newest event',
    width: 12,
    align: 'right',
    cell: ({ agent, live, nowMs }, theme) => {
      const atMs = live?.atMs ?? (agent.lastEventAt === null ? Number.NaN : Date.parse(agent.lastEventAt));
      if (Number.isNaN(atMs)) return nothing(theme);
      return { text: ago(atMs, nowMs), colour: nowMs - atMs > STALE_AFTER_MS ? theme.warning : theme.muted };
    },
  },
  {
    head: 'alerts',
    width: 8,
    align: 'right',
    cell: ({ firing }, theme) =>
      firing > 0 ? { text: `▲ ${firing} now`, colour: theme.bad, bold: true } : { text: 'none', colour: theme.muted },
  },
];

/** Left out, in this order, where the terminal is narrow. */
const DISPENSABLE = ['2 min avg', 'last 2 min', '4xx', '5xx'];
const NUMBER_COLUMNS = 4;
const NAME_LEAST = 14;
const NAME_MOST = 40;

/** One line a server; the chosen one is marked, and always in view. */
export function ServerList({ agents, live, firing, chosen, width, rows, nowMs }: ServerListProps) {
  const theme = useTheme();
  const { fields, columns } = fieldsWithin(width);
  const visible = Math.max(1, rows - 1);
  const first = Math.max(0, Math.min(chosen - Math.floor(visible / 2), agents.length - visible));
  const muted = (text: string): Cell => ({ text, colour: theme.muted });
  return (
    <>
      <Row columns={columns} cells={[muted(''), muted('name'), ...fields.map(({ head }) => muted(head))]} />
      {agents.slice(first, first + visible).map((agent, offset) => {
        const index = first + offset;
        const isChosen = index === chosen;
        const data: RowData = { agent, live: live.get(agent.id), firing: firing.get(agent.id) ?? 0, nowMs };
        const mark = `${isChosen ? '▌' : ' '}${index < 9 ? index + 1 : ''}`;
        return (
          <Row
            key={agent.id}
            columns={columns}
            cells={[
              { text: mark, colour: isChosen ? theme.accent : theme.muted },
              { text: safeText(agent.name), colour: isChosen ? theme.accent : undefined, bold: isChosen },
              ...fields.map((field) => field.cell(data, theme)),
            ]}
          />
        );
      })}
    </>
  );
}

function fieldsWithin(width: number): { fields: readonly Field[]; columns: Column[] } {
  let fields = FIELDS;
  const nameWidth = () => width - NUMBER_COLUMNS - 1 - fields.reduce((sum, field) => sum + field.width + 1, 0);
  for (const head of DISPENSABLE) if (nameWidth() < NAME_LEAST) fields = fields.filter((each) => each.head !== head);
  // A gap of any width between a name and its figures is hard to follow.
  const name = Math.min(NAME_MOST, nameWidth());
  return { fields, columns: [{ width: NUMBER_COLUMNS - 1 }, { width: name }, ...fields] };
}
