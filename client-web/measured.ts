import { span } from '../client/format/times.js';
import { measuredBy } from '../client/model/rules.js';
import type { AlertEventCard, AlertRuleCard } from '../schema/operations/alerts.js';

/** The value of an event and what it is held against, in the unit of what was measured. */
export function measured(event: AlertEventCard, metric: AlertRuleCard['metric'] | null): [string, string] {
  // Seconds without data.
  if (event.type === 'NO_DATA') return [`silent for ${span(event.value * 1_000)}`, span(event.threshold * 1_000)];
  return measuredBy(metric, event);
}

/** What the rules of that name measure, where they agree: an event of a list does not say. */
export function metricOfRule(rules: readonly AlertRuleCard[], name: string): AlertRuleCard['metric'] | null {
  const metrics = new Set(rules.filter((rule) => rule.name === name).map(({ metric }) => metric));
  const [metric] = metrics;
  return metrics.size === 1 ? metric! : null;
}
