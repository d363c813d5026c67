/** One line of the benchmarks' table. */
export interface Figure {
  what: string;
  value: string;
  /** Within this run, and to what. */
  ratio?: string;
  /** What it should be, where that is known. */
  goal?: string;
  /** It breaks a promise: the run fails. */
  missed?: boolean;
}

export interface Section {
  title: string;
  figures: readonly Figure[];
}

/** All sections as one table: its columns stand below each other. */
export function tableOf(sections: readonly Section[]): string {
  const all = sections.flatMap(({ figures }) => figures);
  const widthOf = (text: (figure: Figure) => string) => Math.max(...all.map((figure) => text(figure).length)) + 3;
  const [what, value, ratio] = [
    widthOf((figure) => figure.what),
    widthOf((figure) => figure.value),
    widthOf((figure) => figure.ratio ?? ''),
  ];
  const line = (figure: Figure) =>
    `  ${figure.what.padEnd(what)}${figure.value.padEnd(value)}${(figure.ratio ?? '').padEnd(ratio)}${figure.goal ? `(goal: ${figure.goal})${figure.missed ? ' MISSED' : ''}` : ''}`;
  return sections
    .map(({ title, figures }) => `\n${title}\n\n${figures.map((figure) => `${line(figure).trimEnd()}\n`).join('')}`)
    .join('');
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** A ratio, with as many digits as it bears. */
export function times(ratio: number): string {
  return `${ratio >= 100 ? Math.round(ratio).toLocaleString('en') : ratio.toFixed(2)} ×`;
}

export function perSecond(count: number, seconds: number): string {
  return `${Math.round(count / seconds).toLocaleString('en')} lines/s`;
}

export function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** What a benchmark is asked for. */
export interface BenchOptions {
  /** Fewer lines, smaller fixtures. */
  quick: boolean;
}

/** Latencies, milliseconds, against a goal for all but one in a hundred. */
export function latencyFigure(what: string, latencies: number[], goalMs: number): Figure {
  const ascending = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))];
  return {
    what,
    value: `p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms`,
    ratio: `p99 ${times(at(0.99) / goalMs)} the goal`,
    goal: `p99 ≤ ${goalMs.toLocaleString('en')} ms`,
  };
}
