// Goal: path and section are what the exercise's author would say, for every form of target that a server logs.
// Method: examples of RFC 9112's forms and of what attackers send; then laws over arbitrary text.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sectionOf, splitTarget } from '../../schema/entry.js';

test.each([
  ['/', '/', null, '/'],
  ['/api/user', '/api/user', null, '/api'],
  ['/api', '/api', null, '/api'],
  ['/api/', '/api/', null, '/api'],
  ['//x', '//x', null, '/'],
  ['//', '//', null, '/'],
  ['/api?x=/a/b', '/api', 'x=/a/b', '/api'],
  ['/?q', '/', 'q', '/'],
  ['/api?', '/api', '', '/api'],
  ['/api#part', '/api', null, '/api'],
  ['/api#part?no=query', '/api', null, '/api'],
  ['/api?a=1#part', '/api', 'a=1', '/api'],
  ['/api?a?b', '/api', 'a?b', '/api'],
  ['http://host/api/x?y', '/api/x', 'y', '/api'],
  ['http://host', '/', null, '/'],
  ['http://host?q=1', '/', 'q=1', '/'],
  ['HTTPS://user@host:8443/a/b', '/a/b', null, '/a'],
  ['host:443', 'host:443', null, 'host:443'],
  ['*', '*', null, '*'],
  ['', '', null, ''],
  ['?a', '', 'a', ''],
  ['a/b/c', 'a/b/c', null, 'a/b/c'],
  ['/a?u=http://h/b', '/a', 'u=http://h/b', '/a'],
  ['/http://h/b', '/http://h/b', null, '/http:'],
  ['/%2Fapi/x', '/%2Fapi/x', null, '/%2Fapi'],
  ['/../etc/passwd', '/../etc/passwd', null, '/..'],
  ['/漢字/x', '/漢字/x', null, '/漢字'],
])('%p → path %p, query %p, section %p', (target, path, query, section) => {
  expect(splitTarget(target)).toEqual({ path, query });
  expect(sectionOf(path)).toBe(section);
});

test('a section is a section of itself, and begins its path', () => {
  fc.assert(
    fc.property(fc.oneof(fc.webPath(), fc.string(), fc.constantFrom('/a/b', '//', 'x')), (target) => {
      const { path } = splitTarget(target);
      const section = sectionOf(path);
      expect(sectionOf(section)).toBe(section);
      expect(path.startsWith(section)).toBe(true);
      expect(path).not.toMatch(/[?#]/);
    }),
  );
});
