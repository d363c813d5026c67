/** Whatever it is an element of, it needs no quotes. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A statement's parameter as `pg` sends it unchanged, where its own way takes long: it looks for quotes in each number and
 * UUID of an array, and statements on many windows are made of such arrays.
 */
export function parameterOf(value: unknown): unknown {
  return Array.isArray(value) && value.length > 0 && value.every(isPlain) ? `{${value.join(',')}}` : value;
}

const isPlain = (one: unknown): boolean => typeof one === 'number' || (typeof one === 'string' && UUID.test(one));
