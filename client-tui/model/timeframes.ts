/** The spans of time that the graph can show. */
export interface GraphSpan {
  label: string;
  ms: number;
  /** Short enough to be made of the 10-second windows that come live; longer ones are asked for again. */
  live: boolean;
}

const MINUTE_MS = 60_000;

export const GRAPH_SPANS: readonly GraphSpan[] = [
  { label: '10 min', ms: 10 * MINUTE_MS, live: true },
  { label: '1 h', ms: 60 * MINUTE_MS, live: false },
  { label: '6 h', ms: 360 * MINUTE_MS, live: false },
  { label: '24 h', ms: 1_440 * MINUTE_MS, live: false },
];

/** Points asked for: the server takes the least step that needs no more (10 s, 30 s, 5 min, 15 min for the spans above). */
export const GRAPH_POINTS_MAX = 120;

/** What a span covers that ends with the second of the newest event: half-open, whole seconds. */
export function timeframeUpTo(atMs: number, ms: number): { from: string; to: string } {
  const toMs = (Math.floor(atMs / 1_000) + 1) * 1_000;
  return { from: new Date(toMs - ms).toISOString(), to: new Date(toMs).toISOString() };
}

/** What the tables of sections and hosts cover: the sliding two minutes, the last whole 10 s, or what the graph shows. */
export type TableSpan = 'sliding' | 'tenSeconds' | 'graph';
export const TABLE_SPANS: readonly TableSpan[] = ['sliding', 'tenSeconds', 'graph'];
