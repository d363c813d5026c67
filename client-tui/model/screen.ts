import type { Action, Scope } from '../keys.js';
import { GRAPH_SPANS, TABLE_SPANS, type TableSpan } from './timeframes.js';

/** What the user has chosen to look at. All of it is changed here, by pure functions. */
export interface Screen {
  page: Page;
  help: boolean;
  searching: boolean;
  search: string;
  /** The chosen server of the list. */
  chosenId: string | null;
  spanIndex: number;
  tables: TableSpan;
  /** Alerts scrolled past. */
  alertsSkipped: number;
  editing: Editing | null;
  /** The server's page shows its log; null: its figures. */
  tailing: Tailing | null;
}

export type Page =
  | { kind: 'servers' }
  | { kind: 'server'; agentId: string }
  /** A server that was named at the start and is not there yet. */
  | { kind: 'waiting'; name: string };

/** A threshold being typed. */
export interface Editing {
  ruleId: string;
  text: string;
  problem: string | null;
  saving: boolean;
}

/** What of a server's log is followed. */
export interface Tailing {
  paused: boolean;
  /** Null: every status. */
  statusMin: number | null;
  /** Somewhere in the path. */
  text: string;
  /** A text being typed, which is to take its place; null: none. */
  draft: string | null;
}

/** What `errors` goes through. */
const STATUS_LEASTS: readonly (number | null)[] = [null, 400, 500];

export function firstScreen(agentName: string | undefined): Screen {
  return {
    page: agentName === undefined ? { kind: 'servers' } : { kind: 'waiting', name: agentName },
    help: false,
    searching: false,
    search: '',
    chosenId: null,
    spanIndex: 0,
    tables: 'sliding',
    alertsSkipped: 0,
    editing: null,
    tailing: null,
  };
}

/** Whose keys hold. */
export function scopeOf(screen: Screen): Scope {
  if (screen.help) return 'help';
  if (screen.editing) return 'threshold';
  if (screen.searching || screen.tailing?.draft != null) return 'search';
  if (screen.page.kind !== 'server') return 'servers';
  return screen.tailing ? 'tail' : 'server';
}

/** The index of the chosen server; the first where the chosen one is gone. */
export const chosenIndex = (screen: Screen, ids: readonly string[]): number =>
  Math.max(0, screen.chosenId === null ? 0 : ids.indexOf(screen.chosenId));

export function openServer(screen: Screen, agentId: string | undefined): Screen {
  if (agentId === undefined) return screen;
  return { ...screen, page: { kind: 'server', agentId }, chosenId: agentId, alertsSkipped: 0, editing: null };
}

/** Rows that a page of the list jumps. */
const JUMP = 10;
const STEPS: Partial<Record<Action, number>> = {
  up: -1,
  down: 1,
  pageUp: -JUMP,
  pageDown: JUMP,
  first: Number.NEGATIVE_INFINITY,
  last: Number.POSITIVE_INFINITY,
};

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** What an action does on the list; `name` is the key, for the numbered ones. */
export function onServers(screen: Screen, action: Action, name: string, ids: readonly string[]): Screen {
  const index = chosenIndex(screen, ids);
  const step = STEPS[action];
  if (step !== undefined) {
    return { ...screen, chosenId: ids[clamp(index + step, 0, ids.length - 1)] ?? null };
  }
  switch (action) {
    case 'open':
    case 'next':
      return openServer(screen, ids[index]);
    case 'nth':
      return openServer(screen, ids[Number(name) - 1]);
    case 'search':
      return { ...screen, searching: true };
    case 'back':
      return screen.page.kind === 'waiting' ? { ...screen, page: { kind: 'servers' } } : { ...screen, search: '' };
    default:
      return screen;
  }
}

/** From a server's page to another's, which shows the same of it. */
function toAnother(screen: Screen, action: Action, name: string, ids: readonly string[]): Screen {
  const here = screen.page.kind === 'server' ? ids.indexOf(screen.page.agentId) : -1;
  const around = (by: number) => ids[(Math.max(here, 0) + by + ids.length) % ids.length];
  switch (action) {
    case 'next':
      return openServer(screen, around(1));
    case 'previous':
      return openServer(screen, around(-1));
    case 'nth':
      return openServer(screen, ids[Number(name) - 1]);
    default:
      return screen;
  }
}

/** What an action does on a server's page; `alerts` is how many its history has. */
export function onServer(screen: Screen, action: Action, name: string, ids: readonly string[], alerts: number): Screen {
  switch (action) {
    case 'back':
      return { ...screen, page: { kind: 'servers' } };
    case 'tail':
      return { ...screen, tailing: { paused: false, statusMin: null, text: '', draft: null } };
    case 'shorter':
      return { ...screen, spanIndex: clamp(screen.spanIndex - 1, 0, GRAPH_SPANS.length - 1) };
    case 'longer':
      return { ...screen, spanIndex: clamp(screen.spanIndex + 1, 0, GRAPH_SPANS.length - 1) };
    case 'tables':
      return { ...screen, tables: TABLE_SPANS[(TABLE_SPANS.indexOf(screen.tables) + 1) % TABLE_SPANS.length]! };
    case 'up':
    case 'down':
    case 'first':
      return { ...screen, alertsSkipped: clamp(screen.alertsSkipped + STEPS[action]!, 0, Math.max(0, alerts - 1)) };
    default:
      return toAnother(screen, action, name, ids);
  }
}

const changingOf =
  (screen: Screen, tailing: Tailing) =>
  (change: Partial<Tailing>): Screen => ({ ...screen, tailing: { ...tailing, ...change } });

/** What an action does where a server's log is followed. */
export function onTail(screen: Screen, action: Action, name: string, ids: readonly string[]): Screen {
  const { tailing } = screen;
  if (tailing === null) return screen;
  const changed = changingOf(screen, tailing);
  switch (action) {
    case 'back':
      return { ...screen, tailing: null };
    case 'pause':
      return changed({ paused: !tailing.paused });
    case 'errors': {
      const next = (STATUS_LEASTS.indexOf(tailing.statusMin) + 1) % STATUS_LEASTS.length;
      return changed({ statusMin: STATUS_LEASTS[next]!, paused: false });
    }
    case 'search':
      return changed({ draft: tailing.text });
    default:
      return toAnother(changed({ paused: false }), action, name, ids);
  }
}

/** What a key does while a text for the log is typed: it holds once it is accepted. */
export function typedForTail(screen: Screen, action: Action | undefined, name: string): Screen {
  const { tailing } = screen;
  if (tailing === null || tailing.draft === null) return screen;
  const changed = changingOf(screen, tailing);
  if (action === 'accept') return changed({ text: tailing.draft, draft: null, paused: false });
  if (action === 'cancel') return changed({ text: '', draft: null, paused: false });
  return changed({ draft: typed(tailing.draft, name) });
}

/** What a key does to a text being typed: a character is added, backspace takes one, ctrl-u all. */
export function typed(text: string, name: string): string {
  if (name === 'backspace') return [...text].slice(0, -1).join('');
  if (name === 'ctrl-u') return '';
  const printable = [...name].length === 1 && !/[\p{Cc}\p{Cf}]/u.test(name);
  return printable && text.length < 60 ? text + name : text;
}
