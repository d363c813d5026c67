import { Text } from 'ink';
import { plainNumber } from '../../client/format/numbers.js';
import { axisTime } from '../../client/format/times.js';
import { sized, widthOf } from '../format/width.js';
import { type CellKind, drawGraph, type GraphPoint, type Run } from '../model/graph.js';
import { type Theme, useTheme } from '../theme.js';

/** Where an alert fired or ended, on the axis of time. */
export interface Mark {
  atMs: number;
  fired: boolean;
}

export interface TrafficGraphProps {
  points: readonly GraphPoint[];
  fromMs: number;
  toMs: number;
  threshold: number | null;
  marks: readonly Mark[];
  width: number;
  /** With its two lines of axis. */
  height: number;
  nowMs: number;
}

/** Columns of the axis at the left: a number and its tick. */
const AXIS_COLUMNS = 7;
const AXIS_ROWS = 2;
const DAY_MS = 86_400_000;

/** Hits a second over time as columns, with the threshold as a dashed line and alerts marked on the axis. */
export function TrafficGraph({ points, fromMs, toMs, threshold, marks, width, height, nowMs }: TrafficGraphProps) {
  const theme = useTheme();
  const columns = Math.max(10, width - AXIS_COLUMNS - 1);
  const rows = Math.max(1, height - AXIS_ROWS);
  const drawn = drawGraph(points, { fromMs, toMs, columns, rows, threshold });
  const middle = rows >= 7 ? Math.floor(rows / 2) : -1;
  return (
    <>
      {drawn.rows.map((runs, row) => {
        const onLine = row === drawn.thresholdRow;
        const label = onLine
          ? plainNumber(threshold!)
          : row === 0
            ? plainNumber(drawn.max)
            : row === middle && Math.abs(row - (drawn.thresholdRow ?? -9)) > 1
              ? plainNumber(Number(((drawn.max * (rows - row)) / rows).toPrecision(3)))
              : '';
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place.
          <Text key={row} wrap="truncate">
            <Text color={onLine ? theme.threshold : theme.muted} bold={onLine}>
              {sized(label, AXIS_COLUMNS - 1, 'right')}
            </Text>
            <Text color={onLine ? theme.threshold : theme.border}>{label ? ' ┤' : ' │'}</Text>
            {runs.map((run, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a run is its place.
              <GraphRun key={index} run={run} theme={theme} />
            ))}
          </Text>
        );
      })}
      <MarkLine marks={marks} fromMs={fromMs} toMs={toMs} columns={columns} />
      <TimeLine fromMs={fromMs} toMs={toMs} columns={columns} nowMs={nowMs} />
    </>
  );
}

const colourOf: Record<CellKind, (theme: Theme) => string | undefined> = {
  empty: () => undefined,
  bar: (theme) => theme.bar,
  high: (theme) => theme.barHigh,
  filling: (theme) => theme.barFilling,
  threshold: (theme) => theme.threshold,
  crossing: (theme) => theme.threshold,
};

function GraphRun({ run, theme }: { run: Run; theme: Theme }) {
  if (run.kind === 'crossing') {
    // The line over a full bar: without colours as it is, else on the bar's ground.
    return theme.colours ? (
      <Text color={theme.threshold} backgroundColor={theme.bar}>
        {run.text}
      </Text>
    ) : (
      <Text inverse>{run.text}</Text>
    );
  }
  return <Text color={colourOf[run.kind](theme)}>{run.text}</Text>;
}

function MarkLine({
  marks,
  fromMs,
  toMs,
  columns,
}: Pick<TrafficGraphProps, 'marks' | 'fromMs' | 'toMs'> & { columns: number }) {
  const theme = useTheme();
  const cells = Array.from({ length: columns }, (): Mark | null => null);
  for (const mark of marks) {
    if (mark.atMs < fromMs || mark.atMs >= toMs) continue;
    const cell = Math.floor(((mark.atMs - fromMs) / (toMs - fromMs)) * columns);
    // Of several in one cell, that something fired is the news.
    if (!cells[cell]?.fired) cells[cell] = mark;
  }
  return (
    <Text wrap="truncate">
      <Text color={theme.muted}>{sized('0', AXIS_COLUMNS - 1, 'right')}</Text>
      <Text color={theme.border}> ┼</Text>
      {runsOf(cells).map(({ text, colour }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a run is its place.
        <Text key={index} color={theme[colour]}>
          {text}
        </Text>
      ))}
    </Text>
  );
}

/** The axis in as few pieces as it has colours: each piece costs at every drawing. */
function runsOf(cells: readonly (Mark | null)[]): { text: string; colour: 'border' | 'bad' | 'good' }[] {
  const runs: { text: string; colour: 'border' | 'bad' | 'good' }[] = [];
  for (const mark of cells) {
    const colour = mark === null ? 'border' : mark.fired ? 'bad' : 'good';
    const text = mark === null ? '─' : mark.fired ? '▲' : '▼';
    const before = runs.at(-1);
    if (before?.colour === colour) before.text += text;
    else runs.push({ text, colour });
  }
  return runs;
}

function TimeLine({
  fromMs,
  toMs,
  columns,
  nowMs,
}: Pick<TrafficGraphProps, 'fromMs' | 'toMs' | 'nowMs'> & { columns: number }) {
  const theme = useTheme();
  const day = (ms: number) => Math.floor(ms / DAY_MS);
  const dated = day(toMs - 1) !== day(nowMs) || day(fromMs) !== day(toMs - 1);
  const left = axisTime(fromMs, dated);
  const right = `${axisTime(toMs, false)}Z`;
  const centre = axisTime((fromMs + toMs) / 2, false);
  const room = columns - widthOf(left) - widthOf(right);
  const middleAt = Math.floor((columns - centre.length) / 2) - widthOf(left);
  const between =
    middleAt > 1 && room - middleAt - centre.length > 1
      ? ' '.repeat(middleAt) + centre + ' '.repeat(room - middleAt - centre.length)
      : ' '.repeat(Math.max(1, room));
  return (
    <Text wrap="truncate" color={theme.muted}>
      {' '.repeat(AXIS_COLUMNS + 1)}
      {left}
      {between}
      {right}
    </Text>
  );
}
