import { NONE, sectionOf, splitTarget } from '../../../schema/entry.js';
import type { DecodedBatch } from '../../../schema/log-batch.js';

/** What an entry must be. */
export interface LogFilter {
  statusMin?: number | null;
  statusMax?: number | null;
  method?: string | null;
  path?: string | null;
  section?: string | null;
  host?: string | null;
  /** Anywhere in the path, without regard to case. */
  search?: string | null;
}

const TEXT_LENGTH_MAX = 1_000;

/** Why a filter cannot be stored, as the end of a sentence that begins with its owner; null: it can. */
export function filterProblem(filter: LogFilter): string | null {
  for (const [key, value] of Object.entries(filter)) {
    if (typeof value === 'string' && (value.length > TEXT_LENGTH_MAX || value.includes('\0')))
      return `${key} must have at most ${TEXT_LENGTH_MAX} characters, and no NUL`;
  }
  return null;
}

/** What `admitting` gives where not one entry of the batch can be admitted: there is no need to look at them. */
export const ADMITS_NONE = (_i: number): boolean => false;

/** A filter over a batch: each condition is decided once a dictionary entry, not once a line. */
export function admitting(batch: DecodedBatch, filter: LogFilter): (i: number) => boolean {
  const tests: ((i: number) => boolean)[] = [];
  const { statusMin, statusMax, method, path, section, host, search } = filter;
  if (statusMin != null) tests.push((i) => batch.status[i] >= statusMin);
  if (statusMax != null) tests.push((i) => batch.status[i] <= statusMax);
  let isHopeless = false;
  const byText = (name: 'method' | 'target' | 'host', test: (text: string | null) => boolean) => {
    if (isHopeless) return;
    const { dict, index } = batch.columns[name];
    const admitted = [test(null), ...dict.map(test)];
    if (!admitted.includes(true)) isHopeless = true;
    tests.push((i) => admitted[index[i]]);
  };
  const pathOf = (target: string | null) => (target === null ? NONE : splitTarget(target).path);
  if (method != null) byText('method', (text) => (text ?? NONE) === method);
  if (host != null) byText('host', (text) => text === host);
  if (path != null) byText('target', (target) => pathOf(target) === path);
  if (section != null) byText('target', (target) => (target === null ? NONE : sectionOf(pathOf(target))) === section);
  if (search != null) byText('target', (target) => pathOf(target).toLowerCase().includes(search.toLowerCase()));
  if (isHopeless) return ADMITS_NONE;
  return tests.length === 1 ? tests[0] : (i) => tests.every((test) => test(i));
}
