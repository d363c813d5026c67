/** One line of the benchmarks' table. */
export interface Figure {
  what: string;
  value: string;
  /** What it should be, where that is known. */
  goal?: string;
}

export function print(title: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ what }) => what.length)) + 3;
  const valueWidth = Math.max(...figures.map(({ value }) => value.length)) + 3;
  const lines = figures.map(
    ({ what, value, goal }) => `  ${what.padEnd(width)}${goal ? `${value.padEnd(valueWidth)}(goal: ${goal})` : value}`,
  );
  process.stdout.write(`\n${title}\n\n${lines.join('\n')}\n`);
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

/** What a benchmark is asked for. */
export interface BenchOptions {
  /** Fewer lines, smaller fixtures. */
  quick: boolean;
}
