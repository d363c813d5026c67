/** The agent: follows access logs, parses their lines, and ships them to a server. The one way in. */
export { type DryRunOptions, dryRun } from './dry-run.js';
export { FORMATS, type Format } from './parse/index.js';
export { type AgentOptions, runAgent } from './run.js';
