import { describe, expect, it } from 'vitest';
import { NO_TENANT, UNKNOWN_TENANT } from '../../src/tenants/tenant.js';
import { TenantConnections } from '../../src/tenants/tenant-connections.js';
import { TenantRate } from '../../src/tenants/tenant-rate.js';
import { faultOfTenantPattern, type TenantOf, Tenants, tenantByPattern } from '../../src/tenants/tenants.js';

const beforeColon: TenantOf = (roomId) => (roomId.includes(':') ? roomId.split(':')[0] : undefined);

function createTenants(tenantOf: TenantOf = beforeColon) {
  const faults: [reason: string, isFirst: boolean][] = [];
  const tenants = new Tenants({ tenantOf, onFault: (...fault) => void faults.push(fault) });
  return { tenants, faults };
}

describe('Tenants', () => {
  it('the tenant function is called once for each room', () => {
    const asked: string[] = [];
    const { tenants } = createTenants((roomId) => {
      asked.push(roomId);
      return beforeColon(roomId);
    });
    for (const roomId of ['acme:1', 'plain', 'acme:1', 'plain']) tenants.of(roomId);
    expect(asked).toEqual(['acme:1', 'plain']);
    expect(tenants.of('acme:1')).toBe('acme');
    expect(tenants.of('plain')).toBe(NO_TENANT);
  });

  it('a room keeps its tenant when the function changes its answer', () => {
    let answer: string | undefined;
    const { tenants } = createTenants(() => answer);
    expect(tenants.of('room')).toBe(NO_TENANT);
    answer = 'acme';
    expect(tenants.of('room')).toBe(NO_TENANT);
    expect(tenants.of('another')).toBe('acme');
  });

  it.each([
    ['a number', 7],
    ['an empty text', ''],
    ['null', null],
    ['a text with a control character', 'a\nb'],
    ['a string of 257 bytes', `${'é'.repeat(128)}x`],
    ['a promise', Promise.resolve('acme')],
    ['an object', { tenant: 'acme' }],
  ])('a tenant function that returns %s has failed, and the room counts as unknown', (_, answer) => {
    const { tenants, faults } = createTenants(() => answer as never);
    expect(tenants.of('room')).toBe(UNKNOWN_TENANT);
    expect(faults).toHaveLength(1);
  });

  it('every failure of the tenant function is reported without a value, and the first one is marked', () => {
    const { tenants, faults } = createTenants((roomId) => {
      throw new RangeError(`no tenant for ${roomId}`);
    });
    for (const roomId of ['secret room', 'secret room', 'other']) tenants.of(roomId);
    expect(faults).toEqual([
      ['it threw RangeError', true],
      ['it threw RangeError', false],
      ['it threw RangeError', false],
    ]);
  });

  it('a tenant function that has failed is called again for the same room', () => {
    let isFailing = true;
    const { tenants } = createTenants((roomId) => {
      if (isFailing) throw new Error('not yet');
      return beforeColon(roomId);
    });
    expect(tenants.of('acme:1')).toBe(UNKNOWN_TENANT);
    isFailing = false;
    expect(tenants.of('acme:1')).toBe('acme');
  });

  it('a pattern’s group is the tenant, and a room that does not match has none', () => {
    const tenantOf = tenantByPattern('^t:([^:]*):');
    expect(['t:acme:1', 't:über:2:3', 't::1', 'acme', 'user:7'].map(tenantOf)).toEqual([
      'acme',
      'über',
      undefined,
      undefined,
      undefined,
    ]);
    expect(tenantByPattern('^(a)?b')('b')).toBeUndefined();
  });

  it.each([
    ['^t:([^:]+):', undefined],
    ['^(?!user:)(?<tenant>[^:]+):', undefined],
    ['^t:', 'must have one group in parentheses for the tenant, not 0'],
    ['^(a)(b)', 'must have one group in parentheses for the tenant, not 2'],
    ['^(a', 'is not a regular expression'],
    ['(a)\\', 'is not a regular expression'],
    ['(a)[', 'is not a regular expression'],
  ])('the fault of the pattern %s is found: %s', (pattern, fault) => {
    expect(faultOfTenantPattern(pattern)).toBe(fault);
  });
});

describe('TenantRate', () => {
  function createRate() {
    const time = { ms: 0 };
    const { tenants } = createTenants();
    const rate = new TenantRate({ tenants, perSecond: 10, burst: 20, monotonicMs: () => time.ms });
    const publish = (roomId: string, count: number): number => {
      const roomIds = Array.from({ length: count }, () => roomId);
      const waitMs = rate.check(roomIds)?.waitMs ?? 0;
      if (waitMs === 0) rate.take(roomIds);
      return waitMs;
    };
    return { rate, time, publish };
  }

  it('all rooms of a tenant share its budget, and other tenants have their own', () => {
    const { publish } = createRate();
    expect(publish('acme:1', 12)).toBe(0);
    expect(publish('acme:2', 12)).toBe(400);
    expect(publish('other:1', 20)).toBe(0);
    expect(publish('acme:2', 8)).toBe(0);
  });

  it('a refused request takes nothing from its tenant’s budget', () => {
    const { publish } = createRate();
    expect(publish('acme:1', 15)).toBe(0);
    for (let attempt = 0; attempt < 5; attempt += 1) expect(publish('acme:1', 10)).toBe(500);
    expect(publish('acme:1', 5)).toBe(0);
  });

  it('a request larger than the burst is accepted when the budget is full, and delays later requests', () => {
    const { publish, time } = createRate();
    expect(publish('acme:1', 50)).toBe(0);
    expect(publish('acme:1', 1)).toBe(3_100);
    time.ms += 3_100;
    expect(publish('acme:1', 1)).toBe(0);
  });

  it('a list of events is refused if one of its tenants is over its budget', () => {
    const { rate } = createRate();
    rate.take(Array.from({ length: 20 }, () => 'acme:1'));
    expect(rate.check(['other:1', 'acme:1', 'plain'])).toMatchObject({ tenant: 'acme', waitMs: 100 });
    expect(rate.checkTenant('acme')).toMatchObject({ tenant: 'acme', perSecond: 10, burst: 20 });
    expect(rate.check(['other:1', 'plain'])).toBeUndefined();
    expect(rate.checkTenant('other')).toBeUndefined();
  });

  it('rooms without a tenant, or with an unknown tenant, have no budget', () => {
    const { tenants } = createTenants((roomId) => {
      if (roomId === 'failing') throw new Error('no answer');
      return undefined;
    });
    const rate = new TenantRate({ tenants, perSecond: 1, burst: 1, monotonicMs: () => 0 });
    for (let count = 0; count < 100; count += 1) rate.take(['plain', 'failing']);
    expect(rate.check(['plain', 'failing'])).toBeUndefined();
  });
});

describe('TenantConnections', () => {
  function createConnections(maxPerTenant = 2) {
    let refused = 0;
    const onRefused = (): void => {
      refused += 1;
    };
    const { tenants } = createTenants();
    const connections = new TenantConnections({ tenants, maxPerTenant, onRefused });
    return { connections, refused: () => refused };
  }

  it('a connection counts once for each tenant, however many rooms it joins', () => {
    const { connections, refused } = createConnections();
    expect(connections.tryAdd('one', 'acme:1')).toBe(true);
    expect(connections.tryAdd('one', 'acme:2')).toBe(true);
    expect(connections.tryAdd('two', 'acme:1')).toBe(true);
    expect(connections.tryAdd('three', 'acme:1')).toBe(false);
    expect(connections.tryAdd('three', 'other:1')).toBe(true);
    expect(connections.tryAdd('three', 'plain')).toBe(true);
    expect(connections.tryAdd('two', 'acme:9')).toBe(true);
    expect(refused()).toBe(1);
  });

  it('a connection counts until it has left the last room of the tenant', () => {
    const { connections } = createConnections(1);
    connections.tryAdd('one', 'acme:1');
    connections.tryAdd('one', 'acme:2');
    connections.remove('one', 'acme:1');
    expect(connections.tryAdd('two', 'acme:1')).toBe(false);
    connections.remove('one', 'acme:2');
    connections.remove('one', 'acme:2');
    expect(connections.tryAdd('two', 'acme:1')).toBe(true);
    expect(connections.tryAdd('one', 'acme:1')).toBe(false);
  });

  it('a connection that has ended does not count, even if it ends twice', () => {
    const { connections } = createConnections(1);
    connections.tryAdd('one', 'acme:1');
    connections.tryAdd('one', 'other:1');
    connections.removeAll('one');
    connections.removeAll('one');
    connections.remove('one', 'acme:1');
    expect(connections.tryAdd('two', 'acme:1')).toBe(true);
    expect(connections.tryAdd('two', 'other:1')).toBe(true);
    expect(connections.tryAdd('three', 'other:1')).toBe(false);
  });
});
