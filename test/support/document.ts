import { readFileSync } from 'node:fs';
import { ROOT } from './command.js';

/** A fenced block of a Markdown document. */
export interface Fence {
  /** What follows the opening fence: the language, and words for the reader. */
  info: string;
  text: string;
  /** Of its opening fence, from 1. */
  line: number;
}

export function fencesOf(path: string): Fence[] {
  const markdown = readFileSync(`${ROOT}${path}`, 'utf8');
  return [...markdown.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    info: match[1],
    text: match[2],
    line: markdown.slice(0, match.index).split('\n').length,
  }));
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function mapTexts(value: Json, map: (text: string) => string): Json {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapTexts(one, map)]));
}

/** Ids that a document shows, and those that the server gave in their places. */
export class ShownIds {
  private readonly given = new Map<string, string>();
  private readonly shown = new Map<string, string>();

  /** What a document shows, with the ids that the server gave. */
  toGiven(shown: Json): Json {
    return mapTexts(shown, (text) => this.given.get(text) ?? text);
  }

  /** What a server answered as a document would show it: ids and times are those of `expected` at the same place. */
  toShown(answer: Json, expected: Json): Json {
    if (Array.isArray(answer)) return answer.map((one, i) => this.toShown(one, at(expected, i)));
    if (typeof answer === 'object' && answer !== null)
      return Object.fromEntries(
        Object.entries(answer).map(([key, one]) => [key, this.toShown(one, at(expected, key))]),
      );
    if (typeof answer !== 'string' || typeof expected !== 'string') return answer;
    if (TIME.test(answer) && TIME.test(expected)) return expected;
    return ID.test(answer) && ID.test(expected) ? this.shownId(answer, expected) : answer;
  }

  private shownId(given: string, expected: string): string {
    if (!this.shown.has(given) && !this.given.has(expected)) {
      this.shown.set(given, expected);
      this.given.set(expected, given);
    }
    return this.shown.get(given) ?? given;
  }
}

function at(value: Json, key: string | number): Json {
  return (value as { [key: string]: Json } | null)?.[key] ?? null;
}
