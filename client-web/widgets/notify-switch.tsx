import { useStore } from '../../client/hooks/use-store.js';
import type { DesktopPush, PushState } from '../desktop-push.js';

const WORDS: Record<PushState, string> = {
  off: 'Alerts can be shown on this desktop while this page is open, in a tab in the background too.',
  asking: 'The browser asks whether it may show notifications.',
  on: 'Alerts are shown on this desktop while this page is open.',
  refused: 'This browser refuses notifications from this page. Allow them in its settings for this site.',
  insecure: 'Browsers show notifications only to pages that came by https, or from this machine (localhost).',
  unsupported: 'This browser shows no notifications for pages.',
};

/** Alerts as notifications of the browser: on, off, or why not. */
export function NotifySwitch({ push }: { push: DesktopPush }) {
  const state = useStore(push.state);
  return (
    <section className={`notify ${state}`} aria-label="Notifications">
      <p role="status">{WORDS[state]}</p>
      {(state === 'off' || state === 'asking') && (
        <button type="button" disabled={state === 'asking'} onClick={() => void push.turnOn()}>
          Notify me here
        </button>
      )}
      {state === 'on' && (
        <>
          <button type="button" className="quiet" onClick={() => push.try()}>
            Try it
          </button>
          <button type="button" className="quiet" onClick={() => push.turnOff()}>
            Turn off
          </button>
        </>
      )}
    </section>
  );
}
