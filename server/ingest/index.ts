export { Ingest } from './append.js';
export type { Rejection } from './place.js';
export type { AppendRequest, AppendResult } from './request.js';
export { connectAgent, heartbeat, openStream } from './sessions.js';
