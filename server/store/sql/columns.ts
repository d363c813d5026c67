/** A column of rows that one statement takes together: an array of each column's values is a parameter. */
export interface Column<Row> {
  name: string;
  /** PostgreSQL's. */
  type: string;
  of: (row: Row) => unknown;
}

export function namesOf<Row>(columns: readonly Column<Row>[]): string {
  return columns.map(({ name }) => name).join(', ');
}

/** `unnest($1::uuid[], …)`; `more`: parameters behind them, which have no column. */
export function unnestOf<Row>(columns: readonly Column<Row>[], more: readonly string[] = []): string {
  const types = [...columns.map(({ type }) => type), ...more];
  return `unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')})`;
}

/** The parameters. */
export function valuesOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): unknown[] {
  return columns.map(({ of }) => rows.map(of));
}

/** Milliseconds since the epoch of a column with a time. */
export const MS = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;
