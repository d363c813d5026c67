import type { Key } from 'ink';

/** Every key of the client: pages ask for actions, the help is made from this table, nothing else knows a key. */

export type Scope = 'everywhere' | 'servers' | 'server' | 'tail' | 'search' | 'threshold' | 'help';

export type Action =
  | 'quit'
  | 'help'
  | 'refresh'
  | 'back'
  | 'up'
  | 'down'
  | 'pageUp'
  | 'pageDown'
  | 'first'
  | 'last'
  | 'open'
  | 'search'
  | 'nth'
  | 'next'
  | 'previous'
  | 'shorter'
  | 'longer'
  | 'tables'
  | 'threshold'
  | 'tail'
  | 'pause'
  | 'errors'
  | 'accept'
  | 'cancel';

export interface Binding {
  action: Action;
  scope: Scope;
  /** As `keyName` says them. */
  keys: readonly string[];
  /** As the help shows them. */
  shown: string;
  help: string;
  /** A word in the footer; none where the help is enough. */
  hint?: string;
}

const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

const binding = (
  scope: Scope,
  action: Action,
  keys: readonly string[],
  shown: string,
  help: string,
  hint?: string,
): Binding => ({ scope, action, keys, shown, help, hint });

export const bindings: readonly Binding[] = [
  binding('servers', 'open', ['enter', 'right', 'l'], '⏎', "open the server's page", 'open'),
  binding('servers', 'up', ['up', 'k'], '↑ k', 'up'),
  binding('servers', 'down', ['down', 'j'], '↓ j', 'down'),
  binding('servers', 'pageUp', ['pageUp', 'ctrl-u'], 'PgUp', 'a page up'),
  binding('servers', 'pageDown', ['pageDown', 'ctrl-d'], 'PgDn', 'a page down'),
  binding('servers', 'first', ['home', 'g'], 'Home g', 'the first server'),
  binding('servers', 'last', ['end', 'G'], 'End G', 'the last server'),
  binding('servers', 'search', ['/'], '/', 'search servers by name', 'search'),
  binding('servers', 'nth', DIGITS, '1–9', 'open the server with that number'),
  binding('servers', 'next', ['tab'], 'Tab', 'open the chosen server'),
  binding('servers', 'back', ['esc'], 'Esc', 'clear the search'),
  binding('server', 'back', ['esc', 'backspace', '0'], 'Esc 0', 'back to the list of servers', 'servers'),
  binding('server', 'next', ['tab', 'right', 'l'], 'Tab →', 'the next server', 'next'),
  binding('server', 'previous', ['shift-tab', 'left', 'h'], '⇧Tab ←', 'the server before'),
  binding('server', 'nth', DIGITS, '1–9', 'the server with that number'),
  binding('server', 'tail', ['f'], 'f', 'follow its log as lines come in', 'follow log'),
  binding('server', 'threshold', ['t'], 't', "set an alert rule's threshold", 'threshold'),
  binding('server', 'shorter', ['[', '-'], '[', 'a shorter timeframe of the graph', 'timeframe'),
  binding('server', 'longer', [']', '+', '='], ']', 'a longer timeframe of the graph', 'timeframe'),
  binding('server', 'tables', ['w'], 'w', 'tables of 2 min, 10 s, or the whole graph', 'tables'),
  binding('server', 'down', ['down', 'j'], '↓ j', 'older alerts'),
  binding('server', 'up', ['up', 'k'], '↑ k', 'newer alerts'),
  binding('server', 'first', ['home', 'g'], 'Home g', 'the newest alerts'),
  binding('tail', 'back', ['esc', 'backspace', 'f'], 'Esc f', "back to the server's figures", 'figures'),
  binding('tail', 'pause', [' ', 'p'], 'Space', 'hold the lines still, and let them go on', 'pause'),
  binding('tail', 'errors', ['e'], 'e', 'all lines, 4xx and 5xx, or 5xx alone', 'errors'),
  binding('tail', 'search', ['/'], '/', 'only lines whose path has a text in it', 'search'),
  binding('tail', 'next', ['tab', 'right', 'l'], 'Tab →', 'the next server'),
  binding('tail', 'previous', ['shift-tab', 'left', 'h'], '⇧Tab ←', 'the server before'),
  binding('tail', 'nth', DIGITS, '1–9', 'the server with that number'),
  binding('threshold', 'accept', ['enter'], '⏎', 'save the threshold', 'save'),
  binding('threshold', 'cancel', ['esc'], 'Esc', 'leave it as it is', 'cancel'),
  binding('threshold', 'next', ['tab', 'down'], 'Tab ↓', 'the next rule', 'next rule'),
  binding('threshold', 'previous', ['shift-tab', 'up'], '⇧Tab ↑', 'the rule before'),
  binding('search', 'accept', ['enter'], '⏎', 'keep what was found', 'keep'),
  binding('search', 'cancel', ['esc'], 'Esc', 'show all again', 'all'),
  binding('search', 'down', ['down'], '↓', 'down'),
  binding('search', 'up', ['up'], '↑', 'up'),
  binding('help', 'back', ['esc', 'enter', '?'], 'Esc', 'close the help', 'close'),
  binding('everywhere', 'refresh', ['r', 'ctrl-l'], 'r', 'ask again for everything; retry at once where disconnected'),
  binding('everywhere', 'help', ['?'], '?', 'this help', 'help'),
  binding('everywhere', 'quit', ['q', 'ctrl-c'], 'q ^C', 'quit', 'quit'),
];

/** Scopes in which letters are text. */
const TYPING: ReadonlySet<Scope> = new Set(['search', 'threshold']);

/** The name of a key press, as `bindings` lists them; a printable character is its own name. */
export function keyName(input: string, key: Partial<Key>): string {
  if (key.upArrow) return 'up';
  if (key.downArrow) return 'down';
  if (key.leftArrow) return 'left';
  if (key.rightArrow) return 'right';
  if (key.pageUp) return 'pageUp';
  if (key.pageDown) return 'pageDown';
  if (key.home) return 'home';
  if (key.end) return 'end';
  if (key.return) return 'enter';
  if (key.escape) return 'esc';
  if (key.tab) return key.shift ? 'shift-tab' : 'tab';
  // Most terminals send DEL for the backspace key, which Ink calls delete.
  if (key.backspace || key.delete) return 'backspace';
  if (key.ctrl) return `ctrl-${input}`;
  return input;
}

/** What a key press means in a scope: its own keys first, then those of everywhere; in a text field only named keys. */
export function actionOf(scope: Scope, name: string): Action | undefined {
  const own = bindings.find((each) => each.scope === scope && each.keys.includes(name));
  if (own) return own.action;
  if (TYPING.has(scope) && !name.startsWith('ctrl-')) return undefined;
  return bindings.find((each) => each.scope === 'everywhere' && each.keys.includes(name))?.action;
}

/** The footer of a scope: the first key of each binding with one word; those of one word stand together. */
export function hints(scope: Scope): { shown: string; hint: string }[] {
  const found: { shown: string; hint: string }[] = [];
  for (const each of bindings) {
    const here = each.scope === scope || (each.scope === 'everywhere' && !TYPING.has(scope));
    if (!here || !each.hint || (scope === 'help' && each.action === 'help')) continue;
    const shown = each.shown.split(' ')[0]!;
    const before = found.at(-1);
    if (before?.hint === each.hint) before.shown += ` ${shown}`;
    else found.push({ shown, hint: each.hint });
  }
  return found;
}
