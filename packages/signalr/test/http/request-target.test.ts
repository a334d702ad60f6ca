/*
 * The path and the query of requests, as clients and proxies write them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bearerTokenOf } from '../../src/http/authenticate.js';
import { parseRequestTarget, pathKey } from '../../src/http/request-target.js';

describe('a request target', () => {
  test.each([
    ['/hub', '/hub', {}],
    ['/Hub/?ID=a&id=b&Access_Token=x%20y', '/Hub/', { id: 'a,b', access_token: 'x y' }],
    ['http://host:1/hub?a=1', '/hub', { a: '1' }],
    ['http://host?a=1', '/', { a: '1' }],
    ['*', '/*', {}],
    [undefined, '/', {}],
    ['/hub?', '/hub', {}],
    ['/hub?a=?&b=%ZZ', '/hub', { a: '?', b: '%ZZ' }],
  ])('the request target %j has the path %j and the query %j', (url, path, query) => {
    const target = parseRequestTarget(url);
    expect(target.path).toBe(path);
    expect(Object.fromEntries(target.query)).toEqual(query);
  });

  test('every request target is read without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (url) => {
        expect(pathKey(parseRequestTarget(url).path)).toMatch(/^\//);
      }),
    );
  });

  test.each([
    ['/HUB/', '/hub'],
    ['/', '/'],
    ['/a//', '/a/'],
    ['/h%75B', '/hub'],
    ['/gr%C3%BC%C3%9Fe', '/grüße'],
    ['/GRÜSSE', '/grüsse'],
    ['/a%2Fb%2f', '/a%2fb%2f'],
    ['/a%', '/a%'],
    ['/a%FF%41', '/a%ff%41'],
  ])('the path %j is normalized to %j for comparisons', (path, key) => {
    expect(pathKey(path)).toBe(key);
  });
});

describe('the bearer token', () => {
  const info = (authorization: string | undefined, query: Record<string, string> = {}) => ({
    path: '/',
    remoteAddress: undefined,
    headers: { authorization },
    query: new Map(Object.entries(query)),
  });

  test.each([
    ['Bearer abc', {}, 'abc'],
    ['bEARER   abc ', {}, 'abc'],
    ['Bearer abc', { access_token: 'query' }, 'abc'],
    ['Basic abc', { access_token: 'query' }, 'query'],
    ['Bearer', {}, null],
    ['Bearer a b', {}, null],
    [undefined, {}, null],
  ])(
    'the bearer token of a request with the Authorization header %j and the query %j is %j',
    (authorization, query, token) => {
      expect(bearerTokenOf(info(authorization, query))).toBe(token);
    },
  );
});
