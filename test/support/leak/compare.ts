import type { Answer } from '../server.js';

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const CURSOR = /"(cursor|startCursor|endCursor)":"[^"]*"/g;
/** Numbers that move by themselves. */
const MOVING = /"(clockSkewMs|pendingChunks)":[-\d.]+/g;

/** An answer without the value that it was asked with: it may say that again. */
export function without(answer: Answer, value: string): string {
  return JSON.stringify(answer).replaceAll(value, '(value)');
}

/** What two answers to different values have in common where they make no difference between them. */
export function shapeOf(answer: Answer, value: string): string {
  return without(answer, value)
    .replace(UUID, '(id)')
    .replace(INSTANT, '(instant)')
    .replace(CURSOR, '"$1":"(cursor)"')
    .replace(MOVING, '"$1":0');
}

/** The secrets that a text tells: hidden in a cursor too. */
export function toldOf(text: string, secrets: readonly string[]): string[] {
  const cursors = [...text.matchAll(/"[A-Za-z]*[cC]ursor":"([^"]+)"/g), ...text.matchAll(/"id":"(WyI[^"]+)"/g)];
  const plain = [text, ...cursors.map(([, cursor]) => Buffer.from(cursor, 'base64url').toString())].join('\n');
  return secrets.filter((secret) => plain.includes(secret));
}
