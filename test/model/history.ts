import fc from 'fast-check';
import { compareStored } from './compare-stored.js';
import { compareTraffic } from './compare-traffic.js';
import { Model } from './model.js';
import { ModelRule } from './model-alerts.js';
import { type Bench, Real } from './real.js';
import * as sending from './sending.js';
import * as upkeep from './upkeep.js';

export interface HistoryOptions {
  seed: number;
  runs: number;
  stepsMax: number;
  /** A failure is made smaller for so long. */
  shrinkForMs: number;
}

/** Actions, each as often as it is named. */
const { append, sendAnyPart, sendTwice, reorder, bothAtOnce, script, rotate, restartAgent, secondProcess, end } =
  sending;
const { rollUp, deleteSpan, grow, askSpan, askAll, restartServer } = upkeep;
const ACTIONS = [
  ...[append, append, append, append, append, append, sendAnyPart, sendAnyPart, sendTwice, reorder],
  ...[bothAtOnce, bothAtOnce, script, script, rotate, restartAgent, secondProcess, end],
  ...[rollUp, rollUp, rollUp, rollUp, deleteSpan, deleteSpan, deleteSpan, grow, grow, askSpan, askAll],
];
const actions = [...ACTIONS, ...ACTIONS, restartServer];

/** Random histories of one seed, each of a tenant of its own: throws with the seed, and the smallest that is wrong. */
export async function runHistories(bench: Bench, options: HistoryOptions): Promise<void> {
  const { seed, runs, stepsMax, shrinkForMs } = options;
  let at = 0;
  let failedAtMs = Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(fc.commands(actions, { maxCommands: stepsMax, size: 'max' }), async (steps) => {
    // What is smaller is not looked for any more: taken for right.
    if (performance.now() > failedAtMs + shrinkForMs) return;
    try {
      const { model, real } = await begin(bench, `history ${seed} ${++at}`);
      await fc.asyncModelRun(() => ({ model, real }), steps);
      await bench.gate.together(() => finish(model, real));
    } catch (error) {
      failedAtMs = Math.min(failedAtMs, performance.now());
      throw error;
    }
  });
  await fc.assert(property, { seed, numRuns: runs });
}

const KEEP = `mutation ($input: RetentionInput!) { setRetention(input: $input) { defaultLogs } }`;
const CREATE = 'mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { id } }';

const RULES = [
  { name: 'busy', metric: 'HITS_PER_SECOND', comparison: 'GREATER_THAN', threshold: 0.4, recoveryThreshold: null },
  { name: 'failing', metric: 'ERROR_RATE', comparison: 'GREATER_THAN', threshold: 0.5, recoveryThreshold: 0.2 },
  { name: 'quiet', metric: 'BYTES_PER_SECOND', comparison: 'LESS_THAN', threshold: 300, recoveryThreshold: 400 },
  { name: 'slow', metric: 'DURATION_P95', comparison: 'GREATER_THAN', threshold: 1_000, recoveryThreshold: 500 },
  { name: 'fast', metric: 'DURATION_P95', comparison: 'LESS_THAN', threshold: 200, recoveryThreshold: null },
] as const;
const RULE_WINDOW_SECONDS = 10;

async function begin(bench: Bench, name: string): Promise<{ model: Model; real: Real }> {
  return bench.gate.together(async () => {
    const [model, real] = [new Model(), await Real.start(bench, name)];
    const windows = ['SECONDS_10', 'MINUTE'].map((resolution) => ({ resolution, keepBreakdowns: null }));
    const policies = [{ name: 'Errors', filter: { statusMin: 400 }, keepLogs: 'P7D' }];
    await real.ask(KEEP, { input: { defaultLogs: 'PT1H', policies, windows } });
    for (const agentName of sending.AGENTS) {
      const { id } = await real.connect(agentName);
      const clocks = { watermarkMs: null, alertClockMs: null, settled: '' };
      const agent = { name: agentName, id, streams: [], entries: [], rules: [] as ModelRule[], ...clocks };
      model.agents.push(agent);
      await sending.openNew(real, agent);
      if (agentName !== 'watched') continue;
      for (const rule of RULES) {
        const input = { ...rule, window: `PT${RULE_WINDOW_SECONDS}S`, agentIds: [id] };
        const { createAlertRule } = await real.ask(CREATE, { input });
        agent.rules.push(new ModelRule({ ...rule, windowSeconds: RULE_WINDOW_SECONDS, id: createAlertRule.id }));
      }
    }
    return { model, real };
  });
}

/** Once all is rolled up: the rows that are stored, and all windows with all their figures. */
async function finish(model: Model, real: Real): Promise<void> {
  await compareStored(model, real);
  await compareTraffic(model, real);
}
