import { openAlert } from './address.js';
import type { Desktop, Note } from './desktop-push.js';

/** Notifications of this browser; a click on one brings the page to the front, at its event. */
export function browserDesktop(): Desktop {
  const known = 'Notification' in window;
  return {
    // Browsers that show them to safe pages only take the class away from others, or refuse.
    obstacle: isSecureContext ? (known ? null : 'unsupported') : 'insecure',
    permission: () => Notification.permission,
    ask: () => Notification.requestPermission(),
    show,
  };
}

function show({ title, body, tag, eventId }: Note): void {
  const notification = new Notification(title, { body, tag });
  notification.onclick = () => {
    window.focus();
    if (eventId !== null) openAlert(eventId);
    notification.close();
  };
}
