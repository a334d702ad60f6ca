import { describe, expect, it } from 'vitest';
import { ClientOwners } from '../../src/auth/client-owners.js';
import { ClientAddresses, faultOfTrustedProxy, limitedPartOf } from '../../src/http/client-address.js';

const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => ({
  remoteAddress,
  headers,
});

function addressOf(trusted: readonly string[], peer: string, forwardedFor?: string): string {
  const headers = forwardedFor === undefined ? undefined : { 'x-forwarded-for': forwardedFor };
  const found = new ClientAddresses(trusted).of(from(peer, headers));
  return found.kind === 'known' ? found.address : found.kind;
}

describe('the address of a client', () => {
  it.each([
    // columns: trusted proxies, peer, X-Forwarded-For, address
    [[], '203.0.113.9', undefined, '203.0.113.9'],
    [[], '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    [[], '203.0.113.9', '1.1.1.1', 'undeclared_proxy'],
    [['none'], '203.0.113.9', '1.1.1.1', '203.0.113.9'],
    [['10.0.0.0/8'], '203.0.113.9', '1.1.1.1', '203.0.113.9'],
    [['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    [['10.0.0.0/8'], '10.1.2.3', '1.1.1.1', '1.1.1.1'],
    [['10.0.0.0/8'], '10.1.2.3', '9.9.9.9, 1.1.1.1', '1.1.1.1'],
    [['10.0.0.0/8'], '10.1.2.3', '9.9.9.9, 1.1.1.1, 10.7.7.7', '1.1.1.1'],
    [['10.0.0.0/8'], '10.1.2.3', '10.9.9.9,10.7.7.7', '10.9.9.9'],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', ' 1.1.1.1 ', '1.1.1.1'],
    [['10.0.0.0/8'], '10.1.2.3', '9.9.9.9, unknown', '10.1.2.3'],
    [['10.0.0.0/8'], '10.1.2.3', '', '10.1.2.3'],
    [['10.0.0.0/8'], '10.1.2.3', '1.1.1.1:54321', '1.1.1.1'],
    [['10.0.0.0/8'], '10.1.2.3', '[2001:DB8::1]:443', '2001:db8::1'],
    [['10.1.2.3'], '10.1.2.4', '1.1.1.1', '10.1.2.4'],
    [['::ffff:10.0.0.0/104'], '10.1.2.3', '1.1.1.1', '1.1.1.1'],
    [['2001:db8::/32'], '2001:db8:1::5', '1.1.1.1', '1.1.1.1'],
    [['2001:db8::/32'], '2001:db9::5', '1.1.1.1', '2001:db9::5'],
    [['loopback'], '127.0.0.1', '1.1.1.1', '1.1.1.1'],
    [['loopback'], '::1', '1.1.1.1', '1.1.1.1'],
    [['loopback', 'uniquelocal'], '127.0.0.1', '1.1.1.1, 192.168.3.4', '1.1.1.1'],
    [['linklocal'], 'fe80::1%eth0', '1.1.1.1', '1.1.1.1'],
  ] as const)('trusted proxies %j make a request of %s with X-Forwarded-For %j one of %s', (...row) => {
    const [trusted, peer, forwardedFor, address] = row;
    expect(addressOf(trusted, peer, forwardedFor)).toBe(address);
  });

  it.each(['forwarded', 'x-real-ip', 'via', 'cf-connecting-ip', 'x-forwarded-proto'])(
    'the header %s shows an undeclared proxy',
    (name) => {
      expect(new ClientAddresses([]).of(from('10.0.0.1', { [name]: 'x' }))).toEqual({
        kind: 'undeclared_proxy',
      });
    },
  );

  it('a request that another gateway has forwarded shows no proxy', () => {
    const headers = { 'x-forwarded-for': '1.1.1.1', 'x-signalr-forwarded': '1' };
    expect(new ClientAddresses([]).of(from('10.0.0.1', headers))).toEqual({ kind: 'unknown' });
    expect(new ClientAddresses(['loopback']).of(from(undefined))).toEqual({ kind: 'unknown' });
  });

  it.each([
    ['10.0.0.0/8', true],
    ['10.1.2.3', true],
    ['2001:db8::/32', true],
    ['loopback', true],
    ['none', true],
    ['10.0.0.0/33', false],
    ['10.0.0.0/0', false],
    ['::/0', false],
    ['10.0.0', false],
    ['proxy.example', false],
    ['10.0.0.0/255.0.0.0', false],
    ['10.0.0.0/', false],
    ['constructor', false],
    ['', false],
  ])('the trusted proxy %j is valid: %s', (entry, isValid) => {
    expect(faultOfTrustedProxy(entry) === undefined).toBe(isValid);
  });

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('the limits of %s are those of %s', (address, part) => {
    expect(limitedPartOf(address)).toBe(part);
  });
});

describe('the owner of a budget', () => {
  const request = (remoteAddress: string, headers: Record<string, string> = {}) => ({
    path: '/hubs/events',
    query: new Map<string, string>(),
    ...from(remoteAddress, headers),
  });
  const anonymous = { userId: 'random', user: { userId: 'random', name: '', rooms: [], isAnonymous: true } };
  const ana = { userId: 'ana', user: { userId: 'ana', name: 'Ana', rooms: [] } };

  it('a client belongs to its user from any address, and to its address without a user', () => {
    const warnings: string[] = [];
    const owners = new ClientOwners({
      trustedProxies: ['loopback'],
      usersPerAddress: 7,
      onUndeclaredProxy: (address) => warnings.push(address),
    });
    const behindProxy = request('127.0.0.1', { 'x-forwarded-for': '2001:db8::5' });
    expect(owners.of(behindProxy, ana)).toEqual({ key: 'user ana' });
    expect(owners.of(request('10.0.0.1'), ana)).toEqual({ key: 'user ana' });
    expect(owners.of(behindProxy, anonymous)).toEqual({ key: 'address 2001:db8:0:0::/64', userCount: 7 });
    expect(owners.of(request('10.0.0.1'), { userId: null, user: undefined })).toEqual({
      key: 'address 10.0.0.1',
      userCount: 7,
    });
    expect([owners.details, warnings]).toEqual([[], []]);
  });

  it('an undeclared proxy leaves clients without an address, and is reported once', () => {
    const warnings: string[] = [];
    const owners = new ClientOwners({
      trustedProxies: [],
      usersPerAddress: 7,
      onUndeclaredProxy: (address) => warnings.push(address),
    });
    for (const client of [anonymous, ana, anonymous])
      expect(owners.of(request('10.0.0.9', { via: '1.1 x' }), client)).toEqual(
        client === ana ? { key: 'user ana' } : undefined,
      );
    expect(owners.of(request('10.0.0.9'), anonymous)).toEqual({ key: 'address 10.0.0.9', userCount: 7 });
    expect(warnings).toEqual(['10.0.0.9']);
    expect(owners.details).toEqual([expect.stringContaining('MILLRACE_TRUSTED_PROXIES')]);
  });
});
