import { wrongRows } from '../crash/check-stored.js';
import { equal } from './equal.js';
import type { Model } from './model.js';
import type { Real } from './real.js';
import { rollUpAll } from './upkeep.js';

/** Computes all that is dirty, and compares the rows of windows. */
export async function compareStored(model: Model, real: Real): Promise<void> {
  await rollUpAll(real);
  const agents = model.agents.map(({ id, entries }) => ({ id, entries: entries.filter(({ counted }) => counted) }));
  const truth = { agents, agentOf: ({ agent }: { agent: string }) => agent };
  const { wrong } = await wrongRows((text, values) => real.bench.sql(text, values), truth, {
    tenantId: real.tenantId,
    open: new Set(),
  });
  equal(wrong, [], 'rows of windows');
}
