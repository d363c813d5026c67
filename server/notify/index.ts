export { type ChannelChange, Channels, shownTarget } from './channels.js';
export { Courier } from './courier.js';
export { type NotifierSettings, notifiersOf } from './notifiers.js';
export { enqueue, type NotificationRow, readNotifications, resilence } from './outbox.js';
