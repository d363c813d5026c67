export { Ingest } from './append.js';
export { Heartbeats, type StreamHeartbeat } from './heartbeats.js';
export type { Rejection } from './place.js';
export type { AppendRequest, AppendResult } from './request.js';
export { connectAgent, openStream } from './sessions.js';
