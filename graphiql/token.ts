/** The token of this tab: kept until the tab is closed, and never in an address that stays, a page or a request's URL. */

const STORAGE_KEY = 'hlm-token';

/** Takes the token out of `#token=…`, and the fragment out of the address and the history. */
function takeFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return;
  keepToken(given);
  history.replaceState(null, '', location.pathname + location.search);
}

export function readToken(): string {
  takeFromAddress();
  return sessionStorage.getItem(STORAGE_KEY) ?? '';
}

export function keepToken(token: string): void {
  sessionStorage.setItem(STORAGE_KEY, token.trim());
}
