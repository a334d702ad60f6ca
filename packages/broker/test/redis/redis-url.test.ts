// The address of Redis: a server, a cluster, Sentinels or a Unix socket. A part of a URL without a meaning is refused, and
// the error names it.
import { BrokerError, createRedisBroker, parseRedisUrl } from '@millrace/broker';
import { expect, it } from 'vitest';

const streams = [{ name: 'a', maxLength: 1 }];
const secret = 'hunter2';
const create = (url: string): unknown => createRedisBroker({ streams, url });

it.each([
  ['redis://localhost', { kind: 'server', addresses: ['localhost:6379'], isTls: false, database: 0 }],
  ['redis://host/', { addresses: ['host:6379'], username: '', password: '' }],
  ['redis://host:6379/0', { addresses: ['host:6379'], database: 0 }],
  [
    'rediss://ann:p%40ss%2Fword%23@host:6380/15',
    { isTls: true, addresses: ['host:6380'], username: 'ann', password: 'p@ss/word#', database: 15 },
  ],
  ['redis://:p@ss@host', { username: '', password: 'p@ss' }],
  ['redis://[::1]:6379', { addresses: ['[::1]:6379'] }],
  [
    'rediss://user:p%40ss@a:7000,b,[::1]:7002/0',
    { kind: 'cluster', isTls: true, addresses: ['a:7000', 'b:6379', '[::1]:7002'], password: 'p@ss' },
  ],
  [
    'redis+sentinel://host/mymaster',
    { kind: 'sentinels', addresses: ['host:26379'], sentinel: { masterName: 'mymaster', password: '' } },
  ],
  [
    'rediss+sentinel://ann:p@a:1,b,[::1]:3/my.master-1/7?sentinel_user=bob&sentinel_password=%26%3D',
    {
      isTls: true,
      addresses: ['a:1', 'b:26379', '[::1]:3'],
      username: 'ann',
      password: 'p',
      database: 7,
      sentinel: { masterName: 'my.master-1', username: 'bob', password: '&=' },
    },
  ],
  ['unix:///run/redis.sock', { kind: 'socket', addresses: ['/run/redis.sock'], database: 0 }],
  [
    'redis+unix://ann:p@/run/my%20redis.sock?db=3',
    { kind: 'socket', addresses: ['/run/my redis.sock'], username: 'ann', password: 'p', database: 3 },
  ],
])('the URL %j is read completely', (url, expected) => {
  expect(parseRedisUrl(url)).toMatchObject(expected);
  expect(() => create(url)).not.toThrow();
});

it.each([
  '',
  'localhost:6379',
  'http://127.0.0.1',
  'redis:',
  'redis://',
  'redis://a,',
  'redis://,a',
  'redis://a b',
])('the URL %j is refused with a message that does not contain the URL', (url) => {
  expect(() => create(url)).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      message: expect.stringMatching(
        /^url must begin with redis:\/\/ or rediss:\/\/ and name a host/,
      ) as string,
    }),
  );
});

it.each([
  ['redis://host:6379?db=3', /\?db=….*redis:\/\/host:6379\/3/],
  ['redis://host:6379/1?DB=3', /\?DB=….*redis:\/\/host:6379\/3/],
  [`redis://host:6379?password=${secret}`, /\?password=….*before the host/],
  ['redis://host?ssl=true', /\?ssl=….*rediss:/],
  ['redis://host?timeout=5&db=3', /\?timeout=….*take it out/],
  ['redis://host:6379?', /parameter/],
  [`redis://host?${secret}!=1`, /parameter/],
  ['redis://host:6379#3', /fragment/],
  ['redis://host:6379/#', /fragment/],
  ['redis://host:6379/three', /path that is not a number/],
  ['redis://host:6379/3/', /path that is not a number/],
  ['redis://host:6379/-1', /path that is not a number/],
  ['redis://host:6379/1e1', /path that is not a number/],
  ['redis://one:7000,two:7001/3', /cluster/],
  ['redis:///run/redis.sock', /name a host/],
  ['redis://:6379', /name a host/],
  [`redis://ann#${secret}:x@host:6379`, /%23/],
  [`redis://:${secret}/x@host:6379`, /%2F/],
  [`redis://:${secret}?x@host:6379`, /%3F/],
  [`redis://:${secret}%@host:6379`, /%25/],
  [`redis://ann:${secret}`, /name a host/],
  // Unix sockets
  ['/run/redis.sock', /unix:\/\/\/run\/redis\.sock/],
  ['redis+socket:///run/redis.sock', /unix:\/\/\/run\/redis\.sock/],
  ['redis-socket:///run/redis.sock', /unix:\/\/\/run\/redis\.sock/],
  ['unix://run/redis.sock', /three slashes/],
  ['unix:///', /names no socket/],
  ['unix:///run/', /names no socket/],
  [`unix:///${'a'.repeat(107)}`, /more than 107 bytes/],
  ['unix:///run/redis.sock/3?db=x', /db that is not a number/],
  ['unix:///run/redis.sock?database=3', /\?database=…/],
  ['unix:///run/redis.sock?db=1&db=2', /twice/],
  [`unix:///run/redis.sock?password=${secret}`, /\?password=…/],
  ['unix:///run/redis.sock#1', /fragment/],
  // Sentinels
  ['redis-sentinel://host:26379/main', /redis\+sentinel:\/\/host:26379/],
  ['rediss-sentinel://host:26379/main', /redis\+sentinel:\/\/host:26379/],
  ['sentinel://host:26379', /redis\+sentinel:\/\/host:26379/],
  ['redis+sentinel://host:26379', /names no master/],
  ['redis+sentinel://host:26379/', /names no master/],
  ['redis+sentinel://host:26379/my master', /names no master/],
  ['redis+sentinel:///mymaster', /name a host/],
  ['redis+sentinel://host/mymaster/x', /path that is not a number/],
  ['redis+sentinel://host/mymaster/1/2', /path that is not a number/],
  ['redis+sentinel://host/mymaster#x', /fragment/],
  ['redis+sentinel://host/mymaster?db=1', /\?db=…/],
  [`redis+sentinel://host/mymaster?sentinelPassword=${secret}`, /\?sentinelPassword=…/],
  [`redis+sentinel://host/mymaster?sentinel_password=${secret}%`, /%25/],
  [`redis+sentinel://host/mymaster?sentinel_password=x@${secret}`, /%40/],
])('the URL %j is refused with a message that names the mistake and contains no secret', (url, message) => {
  let thrown: unknown;
  try {
    create(url);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(BrokerError);
  expect(thrown).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(message) as string,
  });
  expect(String(thrown)).not.toContain(secret);
});
