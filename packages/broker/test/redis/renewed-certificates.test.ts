// Certificates that a program renews: those that cannot be used are reported, and the last usable ones stay in use.
import { type BrokerError, createRedisBroker, type RedisTlsSource } from '@millrace/broker';
import { SUITE_OPTIONS } from '@millrace/testkit';
import { describe, expect, it, vi } from 'vitest';
import { renewableTls } from '../../src/redis/connection/redis-tls.js';

const certificates = { serverName: 'redis.test' };
const broken = (): { ca: string } => ({ ca: 'no certificate' });

/** Creates a source whose `read` does what the test says next. */
function setUp() {
  const errors: string[] = [];
  const state = { next: (): unknown => certificates };
  const onError = (error: BrokerError): void => void errors.push(`${error.code} ${error.message}`);
  const read = (): typeof certificates => state.next() as typeof certificates; // The tests return other values, too.
  const current = renewableTls({ read, onError }, true);
  if (current === undefined) throw new Error('there is no TLS');
  return { errors, state, current };
}

describe('certificates that a program renews', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['cannot be used', broken, /^invalid_argument tls\.ca must be the text of a certificate/],
    [
      'cannot be read',
      () => {
        throw new Error('EACCES');
      },
      /^invalid_argument tls\.read threw: EACCES$/,
    ],
    [
      'are a promise',
      async () => certificates,
      /tls\.read must return an object with certificates, not a promise/,
    ],
    ['are nothing', () => undefined, /tls\.read must return an object with certificates, not undefined/],
  ])(
    'certificates that %s are reported once, and the last usable ones stay in use',
    (_what, next, message) => {
      const { errors, state, current } = setUp();
      const usable = current();
      state.next = next;
      expect([current(), current()]).toEqual([usable, usable]);
      expect(errors).toEqual([expect.stringMatching(message)]);
    },
  );

  it('a fault is reported again after usable certificates were read in between', () => {
    const { errors, state, current } = setUp();
    state.next = broken;
    current();
    state.next = () => ({ serverName: 'other.test' });
    expect(current().serverName).toBe('other.test');
    state.next = broken;
    expect(current().serverName).toBe('other.test');
    expect(errors).toHaveLength(2);
  });

  it('an `onError` that throws does not keep a connection from being opened', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    let next: () => object = () => certificates;
    const onError = (): never => {
      throw new Error('no log');
    };
    const current = renewableTls({ read: () => next(), onError }, true);
    next = broken;
    expect(current?.().serverName).toBe('redis.test');
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringContaining('the renewed certificates for Redis are not used: tls.ca must be'),
      'tls.onError threw: Error: no log',
    ]);
  });

  it('a plain function is reported by a warning of the process', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    let next: () => object = () => certificates;
    const current = renewableTls(() => next(), true);
    next = broken;
    expect(current?.().serverName).toBe('redis.test');
    expect(warned).toHaveBeenCalledWith(expect.stringContaining('the renewed certificates'), 'BrokerWarning');
  });

  it('the first certificates must be usable, and a wrong option is named', () => {
    const create = (tls: unknown) => () =>
      createRedisBroker({ ...SUITE_OPTIONS, url: 'rediss://localhost', tls: tls as RedisTlsSource }); // The options are wrong on purpose.
    expect(create({ read: broken })).toThrow(/tls\.ca must be the text of a certificate/);
    expect(create({ read: () => certificates, onError: 1 })).toThrow(
      /tls\.onError must be a function, not 1/,
    );
    expect(create({ onError: () => {} })).toThrow(/tls\.read must be a function, not undefined/);
    expect(create({ read: () => certificates, onerror: 1 })).toThrow(/did you mean onError/);
  });
});
