import { bytes, count, NOTHING, percent, rate } from '../../client/format/numbers.js';
import { clockTime } from '../../client/format/times.js';
import { LIVE_STEP_MS, NO_FIGURES, type Series, wholeWindowStart } from '../../client/model/series.js';
import type { Figures as Stats } from '../../schema/operations/live.js';
import { type Theme, useTheme } from '../theme.js';
import { type Cell, type Column, Row } from './table.js';

const SECOND_MS = 1_000;

export interface FiguresProps {
  series: Series;
  sliding: Stats | null;
  atMs: number;
  width: number;
}

interface Line {
  label: string;
  stats: Stats | undefined;
  /** The seconds that the rates go by. */
  seconds: number;
  /** A window that is not whole yet. */
  soFar: boolean;
}

const HEADS = ['', 'hits', 'hits/s', 'bytes/s', 'errors', '1xx', '2xx', '3xx', '4xx', '5xx', 'other'];
const LEAST = [0, 6, 7, 8, 6, 4, 6, 6, 6, 6, 5];
/** From here on there is room to say when each of them ends. */
const TIMES_FROM_COLUMNS = 96;
/** Left out, in this order, where the terminal is narrow. */
const DISPENSABLE = ['1xx', 'other', '3xx', '2xx', 'errors'];

/** The last 10 seconds and the last 2 minutes, up to the newest event, by status class. */
export function Figures({ series, sliding, atMs, width }: FiguresProps) {
  const theme = useTheme();
  const lines = linesOf(series, sliding, atMs, width);
  const labelWidth = Math.max(...lines.map((line) => line.label.length));
  const heads = headsWithin(width, labelWidth);
  const columns = columnsOf(heads, labelWidth, width);
  return (
    <>
      <Row columns={columns} cells={heads.map((text) => ({ text, colour: theme.muted }))} />
      {lines.map((line) => (
        <Row key={line.label} columns={columns} cells={heads.map((head) => cellOf(head, line, theme))} />
      ))}
    </>
  );
}

function linesOf(series: Series, sliding: Stats | null, atMs: number, width: number): Line[] {
  const windowMs = Math.floor(atMs / LIVE_STEP_MS) * LIVE_STEP_MS;
  const seconds = Math.floor((atMs - windowMs) / SECOND_MS) + 1;
  const wholeMs = wholeWindowStart(atMs);
  const until = (ms: number) => (width >= TIMES_FROM_COLUMNS ? `, to ${clockTime(ms)}` : '');
  // Once the two minutes are there, a window that is not was quiet.
  const statsAt = (ms: number) => series.get(ms)?.stats ?? (sliding ? NO_FIGURES : undefined);
  return [
    {
      label: `since ${clockTime(windowMs)}`,
      stats: statsAt(windowMs),
      seconds,
      soFar: true,
    },
    { label: `last 10 s${until(wholeMs + LIVE_STEP_MS)}`, stats: statsAt(wholeMs), seconds: 10, soFar: false },
    { label: `last 2 min${until(atMs)}`, stats: sliding ?? undefined, seconds: 120, soFar: false },
  ];
}

function headsWithin(width: number, labelWidth: number): string[] {
  let heads = HEADS;
  const needed = () => labelWidth + heads.reduce((sum, head) => sum + LEAST[HEADS.indexOf(head)]! + 1, 0);
  for (const name of DISPENSABLE) if (needed() > width) heads = heads.filter((head) => head !== name);
  return heads;
}

function columnsOf(heads: readonly string[], labelWidth: number, width: number): Column[] {
  const least = heads.map((head) => LEAST[HEADS.indexOf(head)]!);
  const needed = labelWidth + least.reduce((sum, each) => sum + each + 1, 0);
  const extra = Math.min(4, Math.max(0, Math.floor((width - needed) / (heads.length - 1))));
  return heads.map((_, index) =>
    index === 0 ? { width: labelWidth } : { width: least[index]! + extra, align: 'right' },
  );
}

function cellOf(head: string, line: Line, theme: Theme): Cell {
  if (head === '') return { text: line.label, colour: line.soFar ? theme.muted : undefined };
  const { stats } = line;
  if (!stats) return { text: NOTHING, colour: theme.muted };
  const calm = line.soFar ? theme.muted : undefined;
  const classCell = (value: number, colour: string | undefined): Cell => ({
    text: count(value),
    colour: value === 0 ? theme.muted : colour,
  });
  switch (head) {
    case 'hits':
      return { text: count(stats.hits), colour: calm, bold: !line.soFar };
    case 'hits/s':
      // The server divides by the whole window; what is so far goes by the seconds that there are so far.
      return {
        text: rate(line.soFar ? stats.hits / line.seconds : stats.hitsPerSecond),
        colour: calm,
        bold: !line.soFar,
      };
    case 'bytes/s':
      return { text: bytes(stats.bytes / line.seconds), colour: calm };
    case 'errors':
      return { text: percent(stats.errorRate), colour: stats.errorRate === 0 ? theme.muted : theme.warning };
    case '1xx':
      return classCell(stats.status.informational, theme.informational);
    case '2xx':
      return classCell(stats.status.success, theme.success);
    case '3xx':
      return classCell(stats.status.redirection, theme.redirection);
    case '4xx':
      return classCell(stats.status.clientError, theme.clientError);
    case '5xx':
      return classCell(stats.status.serverError, theme.serverError);
    default:
      return classCell(stats.status.other, theme.muted);
  }
}
