/** A graph of block columns as cells of text: pure, so that what is drawn can be checked without a terminal. */

export interface GraphPoint {
  startMs: number;
  endMs: number;
  value: number;
  /** Still filling: drawn calmly, so that its low start is not read as a drop. */
  filling: boolean;
}

export type CellKind = 'empty' | 'bar' | 'high' | 'filling' | 'threshold' | 'crossing';

/** A run of cells of one kind. */
export interface Run {
  kind: CellKind;
  text: string;
}

export interface GraphArea {
  fromMs: number;
  toMs: number;
  columns: number;
  rows: number;
  threshold: number | null;
}

export interface DrawnGraph {
  /** Top row first. */
  rows: Run[][];
  /** The value at the upper edge. */
  max: number;
  /** The row of the threshold's line, from the top; null where there is none, or it lies above the graph. */
  thresholdRow: number | null;
}

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
export const DASH = '╌';

/** A threshold this many times above the traffic would flatten it: it is named, not drawn. */
const THRESHOLD_REACH = 4;

/** The next number that reads well on an axis. */
export function niceMax(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => value <= each * power * (1 + 1e-9)) ?? 10;
  return Number((step * power).toPrecision(6));
}

/** The values of the columns: the highest of the points whose middle a column holds, else the point that it lies in. */
export function columnValues(
  points: readonly GraphPoint[],
  area: Pick<GraphArea, 'fromMs' | 'toMs' | 'columns'>,
): { value: number; filling: boolean }[] {
  const width = (area.toMs - area.fromMs) / area.columns;
  return Array.from({ length: area.columns }, (_, column) => {
    const left = area.fromMs + column * width;
    const middle = left + width / 2;
    const within = points.filter((point) => {
      const centre = (point.startMs + point.endMs) / 2;
      return centre >= left && centre < left + width;
    });
    const held = within.length > 0 ? within : points.filter((each) => each.startMs <= middle && middle < each.endMs);
    let highest = held[0];
    for (const point of held) if (point.value > highest!.value) highest = point;
    return { value: highest?.value ?? 0, filling: highest?.filling ?? false };
  });
}

function scaleOf(values: readonly { value: number }[], threshold: number | null): number {
  const highest = Math.max(0, ...values.map((each) => each.value));
  const reached = threshold !== null && (highest === 0 || threshold <= highest * THRESHOLD_REACH);
  return niceMax(reached ? Math.max(highest, threshold * 1.15) : highest);
}

function runsOf(cells: readonly Run[]): Run[] {
  const runs: Run[] = [];
  for (const cell of cells) {
    const before = runs.at(-1);
    if (before?.kind === cell.kind) before.text += cell.text;
    else runs.push({ ...cell });
  }
  return runs;
}

/** Draws points into rows of cells, with the threshold as a dashed line. */
export function drawGraph(points: readonly GraphPoint[], area: GraphArea): DrawnGraph {
  const values = columnValues(points, area);
  const max = scaleOf(values, area.threshold);
  const fromBottom =
    area.threshold === null ? null : Math.min(area.rows - 1, Math.floor((area.threshold / max) * area.rows));
  const visible = area.threshold !== null && area.threshold >= 0 && area.threshold <= max;
  const thresholdRow = visible && fromBottom !== null ? area.rows - 1 - fromBottom : null;
  const heights = values.map(({ value }) => (value > 0 ? Math.max(1, Math.round((value / max) * area.rows * 8)) : 0));
  const rows = Array.from({ length: area.rows }, (_, row) =>
    runsOf(
      values.map(({ value, filling }, column): Run => {
        const level = Math.max(0, Math.min(8, heights[column]! - (area.rows - 1 - row) * 8));
        const onLine = row === thresholdRow;
        if (level === 0) return onLine ? { kind: 'threshold', text: DASH } : { kind: 'empty', text: ' ' };
        if (onLine && level === 8) return { kind: 'crossing', text: DASH };
        const above = thresholdRow !== null && row <= thresholdRow && value > area.threshold!;
        return { kind: above ? 'high' : filling ? 'filling' : 'bar', text: EIGHTHS[level]! };
      }),
    ),
  );
  return { rows, max, thresholdRow };
}

/** A line of bars one row high, scaled to its own highest value. */
export function sparkline(values: readonly number[]): string {
  const highest = Math.max(0, ...values);
  return values
    .map((value) => (value > 0 ? EIGHTHS[Math.max(1, Math.round((value / highest) * 8))]! : EIGHTHS[1]))
    .join('');
}
