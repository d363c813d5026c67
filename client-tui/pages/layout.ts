import { type Frame, frameRows } from '../widgets/panel.js';

/** How a screen's rows are shared out: pure, and never more than there are. */

/** Smaller than this, nothing can be read. */
export const COLUMNS_LEAST = 60;
export const ROWS_LEAST = 16;
/** From here on there is room for boxes. */
const BOXES_FROM_ROWS = 30;

export const frameFor = (rows: number): Frame => (rows >= BOXES_FROM_ROWS ? 'box' : 'rule');

/** Header and footer. */
const EDGE_ROWS = 2;

export const bodyRows = (rows: number): number => rows - EDGE_ROWS;

const share = (rows: number, part: number, least: number, most: number): number =>
  Math.max(least, Math.min(most, Math.floor(rows * part)));

export interface ServerLayout {
  frame: Frame;
  /** Each with its frame; 0 where it is left out. */
  figures: number;
  graph: number;
  tables: number;
  alerts: number;
}

const FIGURE_ROWS = 4;

/** A server's page: figures as they are, tables and alerts a share, the graph what is left. */
export function serverLayout(rows: number): ServerLayout {
  const frame = frameFor(rows);
  const edges = frameRows(frame);
  const figures = edges + FIGURE_ROWS;
  const rest = bodyRows(rows) - figures;
  const tables = rest >= 13 ? edges + share(rest, 0.23, 3, 10) : 0;
  const alerts = edges + share(rest, 0.25, 2, 14);
  return { frame, figures, tables, alerts, graph: rest - tables - alerts };
}

/** The list of servers: as many as there are, alerts below where there is room. */
export function listLayout(rows: number, servers: number): { frame: Frame; list: number; alerts: number } {
  const frame = frameFor(rows);
  const edges = frameRows(frame);
  const body = bodyRows(rows);
  const alertsLeast = body >= 16 ? edges + 4 : 0;
  // A table that ends with its last line looks finished; one of two lines looks lost.
  const list = Math.min(body - alertsLeast, edges + 1 + Math.max(6, servers));
  return { frame, list: alertsLeast === 0 ? body : list, alerts: alertsLeast === 0 ? 0 : body - list };
}
