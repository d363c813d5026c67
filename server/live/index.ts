export { type AgentChange, type AlertScope, Live, type WindowScope } from './live.js';
