export { type AppendRequest, type AppendResult, Ingest, type Rejection } from './append.js';
export { connectAgent, heartbeat, openStream } from './sessions.js';
