// Goal: a server's address is understood as people write it; what is none is refused in a line.
// Method: by example.
import { expect, test } from '@jest/globals';
import { serverUrls } from '../../cli/settings.js';
import { UserError } from '../../schema/user-error.js';

test.each([
  ['http://logs.example.com:4000', ['http://logs.example.com:4000/graphql']],
  ['https://logs.example.com/', ['https://logs.example.com/graphql']],
  ['http://a/graphql', ['http://a/graphql']],
  ['https://a/behind/a/proxy', ['https://a/behind/a/proxy']],
  [' http://a , https://b/x,', ['http://a/graphql', 'https://b/x']],
])('%s', (given, wanted) => {
  expect(serverUrls(given)).toEqual(wanted);
});

test.each(['logs.example.com', 'ftp://a', ' , '])('%s is refused', (given) => {
  expect(() => serverUrls(given)).toThrow(UserError);
});
