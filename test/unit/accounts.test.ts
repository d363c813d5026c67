// Goal: who may give which role, and when a token ends that is said to end then.
// Method: all pairs of roles; each form of an expiry, and what is none.
import { expect, test } from '@jest/globals';
import { expiryOf } from '../../cli/admin/expiry.js';
import { mayGrant, rolesAbove } from '../../server/core/accounts/roles.js';

const ROLES = ['AGENT', 'VIEWER', 'ADMIN', 'OPERATOR'] as const;

test.each(ROLES.flatMap((own, i) => ROLES.map((other, j) => [own, other, j <= i] as const)))(
  '%s may give %s: %s',
  (own, other, may) => {
    expect(mayGrant(own, other)).toBe(may);
  },
);

test('the roles above one', () => {
  expect(rolesAbove('VIEWER')).toEqual(['ADMIN', 'OPERATOR']);
  expect(rolesAbove('OPERATOR')).toEqual([]);
});

const NOW = Date.UTC(2026, 0, 1);

test.each([
  ['90m', NOW + 90 * 60_000],
  ['12h', NOW + 12 * 3_600_000],
  ['30d', NOW + 30 * 86_400_000],
  ['4w', NOW + 28 * 86_400_000],
  ['2030-01-31T12:00Z', Date.UTC(2030, 0, 31, 12)],
])('%s ends then', (given, timeMs) => {
  expect(expiryOf(given, NOW)).toBe(new Date(timeMs).toISOString());
});

test.each(['', '30', 'd', '-1d', '1y', 'tomorrow', '2030-13-01'])('%j is no expiry', (given) => {
  expect(() => expiryOf(given, NOW)).toThrow('is no expiry');
});
