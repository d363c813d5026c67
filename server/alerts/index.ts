export { dropOldCounts } from './drop-counts.js';
export { Evaluator } from './evaluator.js';
export {
  type AlertEventQuery,
  type AlertEventRow,
  acknowledge,
  latestEventNumber,
  readActiveAlerts,
  readAlertEvent,
  readAlertEvents,
} from './events.js';
export { EVIDENCE_MAX, EvidenceKeeper, eraseEvidence, readEvidence } from './evidence.js';
export { NoDataWatch } from './no-data-watch.js';
export { type Preview, previewRule } from './preview.js';
export { checkRule, endStatesOfAgent, type RuleChange, Rules } from './rules.js';
