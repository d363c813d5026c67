import { type Key, useInput } from 'ink';
import { keyName } from '../keys.js';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Calls `press` for each key by its name; text that arrives at once is taken as so many keys. */
export function useKeys(press: (name: string) => void): void {
  useInput((input: string, key: Key) => {
    const name = keyName(input, key);
    if (name !== input || input.length <= 1) {
      if (name !== '') press(name);
      return;
    }
    for (const { segment } of graphemes.segment(input)) press(segment === '\r' ? 'enter' : segment);
  });
}
