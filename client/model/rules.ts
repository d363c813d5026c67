import type { AlertRuleCard } from '../../schema/operations/alerts.js';
import { bytes, percent, plainNumber, rate } from '../format/numbers.js';
import { safeText } from '../format/safe-text.js';
import { durationMs, span } from '../format/times.js';

/** The rule that every tenant starts with: the one whose threshold the graph shows where there are several. */
const DEFAULT_RULE_NAME = 'High traffic';

const SIGNS: Record<AlertRuleCard['comparison'], string> = {
  GREATER_THAN: '>',
  GREATER_THAN_OR_EQUAL: '≥',
  LESS_THAN: '<',
  LESS_THAN_OR_EQUAL: '≤',
};

const METRICS: Record<AlertRuleCard['metric'], string> = {
  HITS_PER_SECOND: 'hits/s',
  BYTES_PER_SECOND: 'bytes/s',
  ERROR_RATE: 'error rate',
  DURATION_P95: 'p95 response time',
};

/** What a threshold is of, where its number alone does not say. */
const UNITS: Partial<Record<AlertRuleCard['metric'], string>> = { DURATION_P95: ' ms' };

/** The rules that watch a server, the one of the graph first. */
export function rulesOf(rules: readonly AlertRuleCard[], agentId: string): AlertRuleCard[] {
  const watching = rules.filter((rule) => rule.agentIds.length === 0 || rule.agentIds.includes(agentId));
  return [...watching].sort((a, b) => rank(a) - rank(b) || a.threshold - b.threshold || (a.id < b.id ? -1 : 1));
}

/** The rule whose threshold is drawn into the graph of hits a second. */
export function graphRule(rules: readonly AlertRuleCard[], agentId: string): AlertRuleCard | undefined {
  return rulesOf(rules, agentId).find((rule) => rule.enabled && isOfAllHits(rule));
}

/** The rule that watches all servers' hits a second: what a threshold without further words means. */
export function defaultRule(rules: readonly AlertRuleCard[]): AlertRuleCard | undefined {
  return [...rules].sort((a, b) => rank(a) - rank(b)).find(isOfAllHits);
}

/** Whether its threshold is one of what the graph shows. */
function isOfAllHits({ metric, filter }: AlertRuleCard): boolean {
  return metric === 'HITS_PER_SECOND' && filter === null;
}

function rank(rule: AlertRuleCard): number {
  if (!isOfAllHits(rule)) return 4;
  const upward = rule.comparison.startsWith('GREATER');
  const standard = rule.name === DEFAULT_RULE_NAME;
  return (rule.enabled ? 0 : 2) + (upward && standard ? 0 : upward ? 0.5 : 1);
}

export const signOf = (rule: AlertRuleCard): string => SIGNS[rule.comparison];

/** What is measured, and of which entries: `hits/s of section /api, status ≥ 400`. */
export function metricOf({ metric, filter }: AlertRuleCard): string {
  if (filter === null) return METRICS[metric];
  const { statusMin, statusMax, method, path, section, host, search } = filter;
  const conditions = [method, path, section && `section ${section}`, search && `*${search}*`, host && `from ${host}`];
  if (statusMin !== null && statusMin === statusMax) conditions.push(`status ${statusMin}`);
  else {
    if (statusMin !== null) conditions.push(`status ≥ ${statusMin}`);
    if (statusMax !== null) conditions.push(`status ≤ ${statusMax}`);
  }
  const said = conditions.filter((condition) => condition !== null && condition !== '').join(', ');
  return `${METRICS[metric]} of ${safeText(said)}`;
}

/** What was measured, and what it is held against, in the metric's unit; plain numbers where the metric is not known. */
export function measuredBy(
  metric: AlertRuleCard['metric'] | null,
  { value, threshold }: { value: number; threshold: number },
): [value: string, threshold: string] {
  switch (metric) {
    case 'HITS_PER_SECOND':
      return [`${rate(value)} hits/s`, plainNumber(threshold)];
    case 'BYTES_PER_SECOND':
      return [`${bytes(value)}/s`, `${bytes(threshold)}/s`];
    case 'ERROR_RATE':
      return [`${percent(value)} errors`, percent(threshold)];
    case 'DURATION_P95':
      return [plainNumber(value) + unitOf({ metric }), thresholdOf({ metric, threshold })];
    case null:
      return [plainNumber(value), plainNumber(threshold)];
  }
}

/** `hits/s over 2 min > 10` */
export function conditionOf(rule: AlertRuleCard): string {
  return `${metricOf(rule)} over ${span(durationMs(rule.window))} ${signOf(rule)} ${thresholdOf(rule)}`;
}

/** `10`, `250 ms` */
export function thresholdOf(rule: Pick<AlertRuleCard, 'metric' | 'threshold'>): string {
  return plainNumber(rule.threshold) + unitOf(rule);
}

export const unitOf = ({ metric }: Pick<AlertRuleCard, 'metric'>): string => UNITS[metric] ?? '';

/** The number that was typed, or why it is none. */
export function parseThreshold(text: string): { value: number } | { problem: string } {
  const typed = text.trim().replace(',', '.');
  if (typed === '') return { problem: 'a number is missing, such as 12.5' };
  // Number() would also take 0x10, Infinity and the like.
  if (!/^\d*\.?\d+(e[+-]?\d+)?$/i.test(typed) && !/^\d+\.$/.test(typed)) {
    return { problem: `"${typed}" is no threshold; expected a number of at least 0, such as 12.5` };
  }
  const value = Number(typed);
  return Number.isFinite(value) ? { value } : { problem: `"${typed}" is too large` };
}
