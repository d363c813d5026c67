import type { TailEntry } from '../../schema/operations/live.js';

/** Lines that are kept: more than any terminal shows. */
export const TAIL_ROWS_MAX = 300;

export type TailRow =
  | { kind: 'entry'; entry: TailEntry }
  /** So many entries came that are not shown. */
  | { kind: 'leftOut'; count: number }
  /** The connection was lost here; nobody knows what came meanwhile. */
  | { kind: 'gap' };

/** What is known of a log that is followed. */
export interface TailBook {
  /** The newest last. */
  rows: readonly TailRow[];
  /** What came while the rows are held still; null: they are not. */
  held: readonly TailRow[] | null;
  /** Entries since the beginning that are not shown though they came: too many, or too many while held still. */
  leftOut: number;
}

export const EMPTY_TAIL: TailBook = { rows: [], held: null, leftOut: 0 };

/** What came since the last message. */
export function addTold(
  book: TailBook,
  { entries, missed }: { entries: readonly TailEntry[]; missed: number },
): TailBook {
  const rows: TailRow[] = missed > 0 ? [{ kind: 'leftOut', count: missed }] : [];
  for (const entry of entries) rows.push({ kind: 'entry', entry });
  return rows.length === 0 ? book : add({ ...book, leftOut: book.leftOut + missed }, rows);
}

/** The connection is there again. */
export function addGap(book: TailBook): TailBook {
  const last = book.held?.at(-1) ?? book.rows.at(-1);
  return last === undefined || last.kind === 'gap' ? book : add(book, [{ kind: 'gap' }]);
}

/** Holds the rows still, or shows what came meanwhile. */
export function setPaused(book: TailBook, paused: boolean): TailBook {
  if (paused === (book.held !== null)) return book;
  if (paused) return { ...book, held: [] };
  return { ...book, held: null, rows: [...book.rows, ...(book.held ?? [])].slice(-TAIL_ROWS_MAX) };
}

function add(book: TailBook, rows: readonly TailRow[]): TailBook {
  if (book.held === null) return { ...book, rows: [...book.rows, ...rows].slice(-TAIL_ROWS_MAX) };
  const held = [...book.held, ...rows];
  const dropped = held.slice(0, Math.max(0, held.length - TAIL_ROWS_MAX + 1));
  if (dropped.length === 0) return { ...book, held };
  // What was scrolled by unseen is told as left out, once for all.
  const unseen = dropped.filter(({ kind }) => kind === 'entry').length;
  const count = dropped.reduce((sum, row) => sum + (row.kind === 'leftOut' ? row.count : 0), unseen);
  return { ...book, held: [{ kind: 'leftOut', count }, ...held.slice(dropped.length)], leftOut: book.leftOut + unseen };
}
