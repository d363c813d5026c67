// Goal: the messages of the default rule to the letter; no name breaks out of its line.
import { expect, test } from '@jest/globals';
import { alertMessage, noDataMessage } from '../../server/core/alerts/message.js';

const HIGH_TRAFFIC = { name: 'High traffic', metric: 'HITS_PER_SECOND' } as const;

test.each([
  ['TRIGGERED', 1206, 1549573956, 'High traffic generated an alert - hits = 10.05, triggered at 2019-02-07T21:12:36Z'],
  ['RECOVERED', 1198, 1549574043, 'High traffic recovered - hits = 9.98, recovered at 2019-02-07T21:14:03Z'],
  ['CLOSED', 1320, 1549574000, 'High traffic closed - hits = 11.00, closed at 2019-02-07T21:13:20Z'],
] as const)('%s with %d hits in two minutes', (type, hits, at, message) => {
  expect(alertMessage(HIGH_TRAFFIC, type, hits / 120, at)).toBe(message);
});

test.each([
  ['BYTES_PER_SECOND', 1536.5, 'Rule generated an alert - bytes/s = 1536.50, triggered at 1970-01-01T00:00:00Z'],
  ['ERROR_RATE', 0.125, 'Rule generated an alert - error rate = 12.50 %, triggered at 1970-01-01T00:00:00Z'],
  ['DURATION_P95', 812.349, 'Rule generated an alert - p95 = 812.35 ms, triggered at 1970-01-01T00:00:00Z'],
  ['DURATION_P95', null, 'Rule generated an alert - no response times, triggered at 1970-01-01T00:00:00Z'],
] as const)('%s says its unit', (metric, value, message) => {
  expect(alertMessage({ name: 'Rule', metric }, 'TRIGGERED', value, 0)).toBe(message);
});

test.each([
  ['two\r\nlines\u2028three\u0085four', 'two lines three four'],
  ['  \ttabs \u0001 and blanks ', 'tabs and blanks'],
  ['\u001b[31mred\u009b0m\u0007', '[31mred0m'],
  ['\u202eeman\u202c', 'eman'],
  ['half \ud83d a pair', 'half a pair'],
  ['naïve 東京 🚀', 'naïve 東京 🚀'],
])('name %j is said as %j', (name, said) => {
  const message = alertMessage({ ...HIGH_TRAFFIC, name }, 'TRIGGERED', 1, 0);
  expect(message).toBe(`${said} generated an alert - hits = 1.00, triggered at 1970-01-01T00:00:00Z`);
});

test.each([
  ['NO_DATA', 'High traffic generated an alert - no data for 300 s, triggered at 2019-02-07T21:12:36Z'],
  ['RECOVERED', 'High traffic recovered - no data for 300 s, recovered at 2019-02-07T21:12:36Z'],
  ['CLOSED', 'High traffic closed - no data for 300 s, closed at 2019-02-07T21:12:36Z'],
] as const)('without data: %s', (type, message) => {
  expect(noDataMessage(HIGH_TRAFFIC, type, 300, 1549573956)).toBe(message);
});
