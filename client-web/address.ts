import { useSyncExternalStore } from 'react';

/** The API lies beside the page, at whatever path a proxy shows it. */
export const apiUrl = (): string => new URL('graphql', document.baseURI).href;

const openedAlert = (): string | null => new URLSearchParams(location.hash.slice(1)).get('alert');

/** Where an event is seen, as messages link to it. */
export const alertHref = (id: string): string => `#alert=${encodeURIComponent(id)}`;

export function openAlert(id: string): void {
  location.hash = alertHref(id);
}

export function closeAlert(): void {
  history.replaceState(null, '', location.pathname + location.search);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

function onAddress(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

/** The event that the address names. */
export const useOpenedAlert = (): string | null => useSyncExternalStore(onAddress, openedAlert);
