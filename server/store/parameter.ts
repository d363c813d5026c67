/**
 * A statement's parameter as `pg` sends it unchanged, where its own way takes long: it looks for quotes in each number of an
 * array, and statements on many windows are made of such arrays.
 */
export function parameterOf(value: unknown): unknown {
  return isOfNumbers(value) ? `{${value.join(',')}}` : value;
}

function isOfNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number');
}

/** UUIDs as a parameter of type `uuid[]`, which need no quotes. */
export function uuidArray(uuids: readonly string[]): string {
  return `{${uuids.join(',')}}`;
}
