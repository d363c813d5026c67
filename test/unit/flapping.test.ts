// Goal: the borders of flapping: the sixth transition, the quarter of an hour.
// Method: by example.
import { expect, test } from '@jest/globals';
import { afterTransition, CALM, type Flapping } from '../../server/core/alerts/flapping.js';

const after = (...seconds: number[]): Flapping => seconds.reduce(afterTransition, CALM);

test.each([
  ['five within a moment', [1, 2, 3, 4, 5], null],
  ['the sixth', [1, 2, 3, 4, 5, 6], 906],
  ['six, the first and last 15 minutes less a second apart', [1, 2, 3, 4, 5, 900], 1_800],
  ['six, the first and last 15 minutes apart', [1, 2, 3, 4, 5, 901], null],
  ['it goes on with one a second before it would have settled', [1, 2, 3, 4, 5, 6, 905], 1_805],
  ['it has settled after 15 minutes without any', [1, 2, 3, 4, 5, 6, 906], null],
  ['once settled, six are needed again', [1, 2, 3, 4, 5, 6, 906, 907, 908, 909, 910], null],
  ['and then it flaps again', [1, 2, 3, 4, 5, 6, 906, 907, 908, 909, 910, 911], 1_811],
])('%s', (_what, seconds, until) => {
  expect(after(...seconds).until).toBe(until);
});
