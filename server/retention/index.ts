export { countLogs, LogErasure } from './erase-logs.js';
export { joinDue } from './join.js';
export { relayOutStale } from './relayout.js';
export { logsStored, nextPurgeAt } from './report.js';
export { windowsStored } from './report-windows.js';
export { chunksOf } from './rewrite.js';
export { RetentionService } from './service.js';
export { RetentionCache, type RetentionSettings, readSettings } from './settings.js';
