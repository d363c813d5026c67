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

/** A filter over a batch: each condition is decided once a dictionary entry, not once a line. */
export function admitting(batch: DecodedBatch, filter: LogFilter): (i: number) => boolean {
  const tests: ((i: number) => boolean)[] = [];
  const { statusMin, statusMax, method, path, section, host, search } = filter;
  if (statusMin != null) tests.push((i) => batch.status[i] >= statusMin);
  if (statusMax != null) tests.push((i) => batch.status[i] <= statusMax);
  const byText = (name: 'method' | 'target' | 'host', test: (text: string | null) => boolean) => {
    const { dict, index } = batch.columns[name];
    const admitted = [test(null), ...dict.map(test)];
    tests.push((i) => admitted[index[i]]);
  };
  const pathOf = (target: string | null) => (target === null ? NONE : splitTarget(target).path);
  if (method != null) byText('method', (text) => (text ?? NONE) === method);
  if (host != null) byText('host', (text) => text === host);
  if (path != null) byText('target', (target) => pathOf(target) === path);
  if (section != null) byText('target', (target) => (target === null ? NONE : sectionOf(pathOf(target))) === section);
  if (search != null) byText('target', (target) => pathOf(target).toLowerCase().includes(search.toLowerCase()));
  return (i) => tests.every((test) => test(i));
}
