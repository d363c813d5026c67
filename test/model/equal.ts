import assert from 'node:assert/strict';

/** Compares as JSON, keys in any order: what came over the wire has prototypes of its own. */
export function equal(told: unknown, expected: unknown, what: string): void {
  const [given, wanted] = [told, expected].map((value) => JSON.stringify(sorted(value)));
  if (given !== wanted) assert.fail(`${what}: ${given}, not ${wanted}`);
}

/** The same of lists that may be long: says where they begin to differ. */
export function equalLists(told: readonly unknown[], expected: readonly unknown[], what: string): void {
  for (let at = 0; at < Math.max(told.length, expected.length); at++)
    equal(told[at], expected[at], `${what}: ${told.length}, not ${expected.length}, at ${at}`);
}

/** With its keys in order, all the way down. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
