export { type ChannelChange, Channels, shownTarget } from './channels.js';
export { Courier } from './courier.js';
export { type NotifierSettings, notifiersOf } from './notifiers.js';
export { enqueue, lookAgain, type NotificationRow, readNotifications } from './outbox.js';
export { Silences } from './silences.js';
