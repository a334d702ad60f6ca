// Options that concern tenants are checked together.
import { expect, it } from 'vitest';
import { readEnvironment } from '../../src/settings/environment.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';

const development = { isDevelopment: true } as const;
const keyOfTenant = { name: 'shop', key: 'a-key-of-16-characters', tenant: 'acme' };

it.each([
  [
    { maxTenantEventsPerSecond: 10 },
    /^maxTenantEventsPerSecond has no effect without tenantOf or tenantPattern/,
  ],
  [{ maxReplayBytesPerTenant: 10 }, /^maxReplayBytesPerTenant has no effect/],
  [{ apiKeys: [keyOfTenant] }, /^An API key has a tenant, but rooms have none/],
  [{ tenantOf: () => 'acme', tenantPattern: '^(a)' }, /^Give either tenantOf or tenantPattern/],
  [{ tenantOf: '^(a)' as never }, /^tenantOf must be a function/],
  [{ tenantPattern: '^a' }, /^tenantPattern \(MILLRACE_TENANT_PATTERN\) must have one group/],
  [
    { tenantPattern: '^(a)', maxTenantEventsPerSecond: 0 },
    /^maxTenantEventsPerSecond .* must be a whole number/,
  ],
  [
    { tenantPattern: '^(a)', apiKeys: [{ ...keyOfTenant, tenant: '' }] },
    /has a tenant that is not a string of/,
  ],
])('the options %o are refused', (options, message) => {
  expect(() => resolveOptions({ ...development, ...options }, 'here')).toThrow(message);
});

it('limits and keys of tenants are accepted with tenants, and checked again when secrets are reloaded', () => {
  const options = {
    ...development,
    tenantPattern: '^(a)',
    maxTenantEventsPerSecond: 5,
    apiKeys: [keyOfTenant],
  };
  const resolved = resolveOptions(options, 'here');
  expect(resolveOptions(resolved, 'here')).toMatchObject({ maxTenantEventsPerSecond: 5 });
  const without = resolveOptions(development, 'here');
  expect(resolveOptions(without, 'here')).toMatchObject({ maxConnectionsPerTenant: 10_000 });
});

it('a wrong pattern in the environment is refused with the name of its variable', () => {
  const read = (pattern: string) =>
    readEnvironment({ MILLRACE_TENANT_PATTERN: pattern }).gateway.tenantPattern;
  expect(read('^t:([^:]+):')).toBe('^t:([^:]+):');
  expect(() => read('^t:(')).toThrow('MILLRACE_TENANT_PATTERN is not a regular expression.');
});
