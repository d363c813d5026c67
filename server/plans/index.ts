export { admitAgent, admitAlertRule } from './admission.js';
export { EntryRates } from './entry-rates.js';
export { readUsage, type Usage } from './usage.js';
