export { type AgentChange, type AlertScope, Live, type WindowScope } from './live.js';
export type { TailMessage } from './tail-reader.js';
export { ENTRIES_OF_A_MESSAGE_MAX } from './tail-slot.js';
export { Tails } from './tails.js';
