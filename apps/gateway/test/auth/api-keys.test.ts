import { expect, it } from 'vitest';
import { createApiKeyCheck } from '../../src/auth/api-keys.js';

it('the API key check accepts the configured keys and nothing else', () => {
  const isApiKey = createApiKeyCheck(['first-key-0123456789', 'second-key-0123456789']);
  expect(isApiKey('first-key-0123456789')).toBe(true);
  expect(isApiKey('second-key-0123456789')).toBe(true);
  for (const wrong of [undefined, '', 'first-key', 'first-key-0123456789 ', 'FIRST-KEY-0123456789']) {
    expect(isApiKey(wrong)).toBe(false);
  }
});

it('the API key check accepts nothing when no key is configured', () => {
  expect(createApiKeyCheck([])('')).toBe(false);
});
