import { useCallback, useRef, useState } from 'react';
import { firstScreen, type Screen } from '../model/screen.js';

export type ChangeScreen = (change: (held: Screen) => Screen) => void;

/**
 * What the user looks at. `latest` is the screen as the last key left it, which drawing may not have caught up with:
 * keys that arrive together (a paste, a fast hand) each go by it.
 */
export function useScreen(agentName: string | undefined): {
  screen: Screen;
  latest: () => Screen;
  change: ChangeScreen;
} {
  const [screen, setScreen] = useState(() => firstScreen(agentName));
  const held = useRef(screen);
  const change = useCallback<ChangeScreen>((step) => {
    held.current = step(held.current);
    setScreen(held.current);
  }, []);
  const latest = useCallback(() => held.current, []);
  return { screen, latest, change };
}
