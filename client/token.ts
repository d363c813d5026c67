/**
 * The token of a page in a browser: kept until its tab is closed, or on the device if its user says so; and never in an
 * address that stays, in a page or in a request's URL.
 */

const STORAGE_KEY = 'hlm-token';

/** The part of `window` that it needs. */
export interface Tab {
  location: { hash: string; pathname: string; search: string };
  history: { replaceState(data: unknown, unused: string, url: string): void };
  /** Until the tab is closed. */
  sessionStorage: Kept;
  /** Until it is taken out. */
  localStorage: Kept;
}

export interface Kept {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Takes the token out of `#token=…`, and out of the address and the history with it. */
function takeFromAddress(tab: Tab): void {
  const { location, history } = tab;
  const said = new URLSearchParams(location.hash.slice(1));
  const given = said.get('token');
  if (given === null) return;
  keepToken(tab, given);
  said.delete('token');
  const rest = said.size > 0 ? `#${said}` : '';
  history.replaceState(null, '', location.pathname + location.search + rest);
}

/** Empty: none. */
export function readToken(tab: Tab): string {
  takeFromAddress(tab);
  return tab.sessionStorage.getItem(STORAGE_KEY) ?? tab.localStorage.getItem(STORAGE_KEY) ?? '';
}

/** Keeps a token for the tab, or for the device; an empty one forgets what there was. */
export function keepToken(tab: Tab, token: string, where: 'tab' | 'device' = 'tab'): void {
  for (const storage of [tab.sessionStorage, tab.localStorage]) storage.removeItem(STORAGE_KEY);
  const given = token.trim();
  if (given !== '') (where === 'tab' ? tab.sessionStorage : tab.localStorage).setItem(STORAGE_KEY, given);
}
