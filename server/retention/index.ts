export { countLogs, LogErasure } from './erase-logs.js';
export { relayOutStale } from './relayout.js';
export { type RetentionReport, reportOf } from './report.js';
export { storeBatch } from './rewrite.js';
export { RetentionService } from './service.js';
export { RetentionCache, type RetentionSettings } from './settings.js';
