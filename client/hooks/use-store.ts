import { useSyncExternalStore } from 'react';
import type { Readable } from '../connection/store.js';

/** The state of a store; the component is drawn again when it changes. */
export function useStore<T>(store: Readable<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
