import type { LogRetention } from '../retention/layout.js';

/** What a tenant may have; null: without limit. */
export interface Plan {
  /** Agents that are not deleted, from 0. */
  agentsMax: number | null;
  /** Entries taken in a second, from 1. */
  entriesPerSecondMax: number | null;
  /** From 0. */
  alertRulesMax: number | null;
  /** How long raw entries are kept, seconds from 1. */
  keepLogsMaxSeconds: number | null;
}

/** What is kept of raw entries under a plan: what policies say, and no longer than it allows. */
export function withinPlan<Retention extends LogRetention>(
  retention: Retention,
  keepLogsMaxSeconds: number | null,
): Retention {
  if (keepLogsMaxSeconds === null) return retention;
  const capped = (seconds: number) => Math.min(seconds, keepLogsMaxSeconds);
  return {
    ...retention,
    defaultSeconds: capped(retention.defaultSeconds),
    policies: retention.policies.map((policy) => ({ ...policy, keepSeconds: capped(policy.keepSeconds) })),
  };
}
