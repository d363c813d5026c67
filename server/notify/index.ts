export { type ChannelChange, Channels, shownTarget } from './channels.js';
export { Courier } from './courier.js';
export { settleFlapping } from './flapping.js';
export { lookAgain } from './held-back.js';
export { type NotifierSettings, notifiersOf } from './notifiers.js';
export { type EventToTell, enqueue } from './outbox.js';
export { type NotificationRow, readNotifications } from './read.js';
export { Silences } from './silences.js';
