// A gateway refuses to start without an access rule, with two rules, and with settings of access that have no effect.
import { expect, it } from 'vitest';
import { defineApp } from '../../src/application/application.js';
import type { GatewayOptions } from '../../src/settings/options.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';

const normal: GatewayOptions = { jwtSecret: 's'.repeat(32), apiKeys: ['k'.repeat(32)] };
const accessUrl = 'https://api.example/access';
const userOf = () => ({ id: 'ana' });
const mayEnter = () => true;

it.each<[string, GatewayOptions, RegExp]>([
  [
    'an application that names users but has no rule',
    { app: defineApp({ name: 'desk', access: { userOf } }) },
    /^The application desk has the part access, but no rule opens rooms\. Define access\.mayEnter.*MILLRACE_ACCESS_URL.*mayEnter: 'claim'.*MILLRACE_DEV=1\.$/,
  ],
  [
    'a function and an address',
    { app: defineApp({ name: 'desk', access: { mayEnter } }), accessUrl },
    /one access rule: access\.mayEnter of the application desk, or MILLRACE_ACCESS_URL, not both/,
  ],
  [
    'the claim and an address',
    { app: defineApp({ access: { mayEnter: 'claim' } }), accessUrl },
    /one access rule/,
  ],
  ['a key without an address', { accessKey: 'a-key' }, /MILLRACE_ACCESS_KEY needs MILLRACE_ACCESS_URL/],
  [
    'a header without a key',
    { accessUrl, accessKeyHeader: 'x-key' },
    /MILLRACE_ACCESS_KEY_HEADER needs MILLRACE_ACCESS_KEY/,
  ],
  ['a time without a rule that is asked', { accessCacheMs: 5 }, /^accessCacheMs has no effect without/],
  [
    'a bound with the claim as the rule',
    { app: defineApp({ access: { mayEnter: 'claim' } }), maxAccessQuestions: 5 },
    /^maxAccessQuestions has no effect without/,
  ],
  [
    'an address with a password',
    { accessUrl: 'https://ann:hunter2@api.example' },
    /^(?!.*hunter2).*password/,
  ],
  ['a key with a line break', { accessUrl, accessKey: 'hunter2\n' }, /^(?!.*hunter2).*line breaks/],
  ['a header that the request has', { accessUrl, accessKey: 'k', accessKeyHeader: 'Host' }, /already has/],
])('a gateway does not start with %s', (_, options, message) => {
  expect(() => resolveOptions({ ...normal, ...options }, 'g')).toThrow(message);
});

it.each<[string, GatewayOptions]>([
  ['no application and no address, as before', normal],
  ['an application without the part access', { ...normal, app: defineApp({}) }],
  ['a function', { ...normal, app: defineApp({ access: { userOf, mayEnter } }), accessCacheMs: 5 }],
  ['the claim as the rule', { ...normal, app: defineApp({ access: { userOf, mayEnter: 'claim' } }) }],
  ['a function for users and an address', { ...normal, app: defineApp({ access: { userOf } }), accessUrl }],
  ['no rule in development mode', { isDevelopment: true, app: defineApp({ access: { userOf } }) }],
])('a gateway accepts %s', (_, options) => {
  expect(() => resolveOptions(options, 'g')).not.toThrow();
});
