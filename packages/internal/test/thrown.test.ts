import { messageOf, toError } from '@millrace/internal';
import { expect, it } from 'vitest';

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const silent = Object.defineProperty(new Error('hidden'), 'message', {
  get() {
    throw new Error('a getter');
  },
});

it('a thrown Error is kept, and any other value becomes an Error with its text', () => {
  const error = new TypeError('wrong');
  expect(toError(error)).toBe(error);
  expect(toError('text').message).toBe('text');
  expect(messageOf(error)).toBe('wrong');
  expect(messageOf(undefined)).toBe('undefined');
});

it.each([
  ['a revoked proxy', revoked],
  ['an object without a prototype', Object.create(null)],
  ['an error whose message cannot be read', silent],
])('%s that was thrown has a text that says so', (_, thrown: unknown) => {
  expect(toError(thrown)).toBeInstanceOf(Error);
  expect(messageOf(thrown)).toBe('a value was thrown that has no text');
});
