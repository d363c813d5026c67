export { type AgentChange, type AlertScope, Live, type WindowScope } from './live.js';
export { WINDOWS_OF_A_MESSAGE_MAX } from './slot.js';
