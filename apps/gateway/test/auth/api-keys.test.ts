import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ApiKey, ApiKeys } from '../../src/auth/api-keys.js';

const key = 'first-key-0123456789';

describe('ApiKeys', () => {
  it('the configured keys are found, and no other key', () => {
    const keys = new ApiKeys([key, { name: 'shop', key: 'second-key-0123456789' }]);
    expect(keys.find(key)?.name).toBe('key 1');
    expect(keys.find('second-key-0123456789')?.name).toBe('shop');
    for (const wrong of [undefined, '', 'first-key', `${key} `, key.toUpperCase()])
      expect(keys.find(wrong)).toBeUndefined();
  });

  it('an empty list of API keys accepts no key', () => {
    const keys = new ApiKeys([]);
    expect([keys.isEmpty, keys.find('')]).toEqual([true, undefined]);
  });

  it('an API key is found by its SHA-256 digest in upper and lower case', () => {
    const sha256 = createHash('sha256').update(key).digest('hex');
    for (const text of [sha256, sha256.toUpperCase()])
      expect(new ApiKeys([{ name: 'shop', sha256: text }]).find(key)?.name).toBe('shop');
    expect(new ApiKeys([{ name: 'shop', sha256 }]).find(sha256)).toBeUndefined();
  });

  it('an API key without scopes may publish, and a key with scopes has only these', () => {
    expect(new ApiKeys([key]).find(key)?.has('publish')).toBe(true);
    const reader = new ApiKeys([{ name: 'reader', key, scopes: ['read'] }]).find(key);
    expect([reader?.has('read'), reader?.has('publish')]).toEqual([true, false]);
  });

  it.each<[limits: Partial<ApiKey>, type: string, room: string, forbidden: string | undefined]>([
    [{}, 'chat_message', 'a', undefined],
    [{ rooms: ['a'] }, 'chat_message', 'a', undefined],
    [{ rooms: ['a'] }, 'chat_message', 'ab', 'room_id'],
    [{ rooms: ['acme:*'] }, 'chat_message', 'acme:1', undefined],
    [{ rooms: ['acme:*'] }, 'chat_message', 'other', 'room_id'],
    [{ rooms: [] }, 'chat_message', 'a', 'room_id'],
    [{ types: ['chat_message'] }, 'chat_message', 'a', undefined],
    [{ types: ['remote_session_*'] }, 'remote_session_start', 'a', undefined],
    [{ types: ['remote_session_*'] }, 'chat_message', 'a', 'event_type'],
  ])(
    'a key with %j that publishes %s into %s is refused for %s',
    (limits, event_type, room_id, forbidden) => {
      const found = new ApiKeys([{ name: 'shop', key, ...limits }]).find(key);
      expect(found?.forbiddenField({ event_type, room_id })).toBe(forbidden);
    },
  );
});
