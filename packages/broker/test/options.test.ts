import {
  BrokerError,
  type BrokerOptions,
  createMemoryBroker,
  createRedisBroker,
  resolveBrokerOptions,
} from '@millrace/broker';
import { expect, it } from 'vitest';

const STREAMS = [{ name: 'events:chat', maxLength: 10 }];

it('resolveBrokerOptions fills in the defaults and freezes the result', () => {
  const options = resolveBrokerOptions({ streams: STREAMS });
  expect(options).toMatchObject({
    group: 'signalr-consumers',
    consumerPrefix: 'signalr-instance-',
    dedupeWindowMs: 300_000,
    commandTimeoutMs: 5_000,
    livenessMs: 3_000,
    leaseMs: 3_000,
    heartbeatMs: 250,
    minAgeMs: 30_000,
    hardCapFactor: 20,
    publishBatchSize: 512,
    deadLetterMaxLength: 1_000,
    deadMarkMs: 86_400_000,
  });
  expect(
    Object.isFrozen(options) && Object.isFrozen(options.streams) && Object.isFrozen(options.streams[0]),
  ).toBe(true);
});

it.each<[string, Partial<Record<keyof BrokerOptions, unknown>>]>([
  ['no streams', { streams: [] }],
  ['the same stream twice', { streams: [...STREAMS, ...STREAMS] }],
  ['an empty name', { streams: [{ name: '', maxLength: 1 }] }],
  ['braces in a name', { streams: [{ name: 'events:{chat}', maxLength: 1 }] }],
  ['a control character in a name', { streams: [{ name: 'a\nb', maxLength: 1 }] }],
  ['a lone surrogate in a name', { streams: [{ name: 'a\uD800', maxLength: 1 }] }],
  ['a name of more than 200 bytes', { streams: [{ name: 'é'.repeat(101), maxLength: 1 }] }],
  ['a maxLength of 0', { streams: [{ name: 'a', maxLength: 0 }] }],
  ['a fraction as a time', { livenessMs: 1.5 }],
  ['a negative time', { minAgeMs: -1 }],
  ['text as a time', { leaseMs: '3000' }],
  ['NaN as a time', { dedupeWindowMs: Number.NaN }],
  ['a publishBatchSize above 1,000', { publishBatchSize: 1_001 }],
  ['braces in the name of the group', { group: '{x}' }],
])('options with %s are refused', (_, wrong) => {
  const options = { streams: STREAMS, ...wrong } as BrokerOptions;
  expect(() => createMemoryBroker(options)).toThrow(BrokerError);
  expect(() => createRedisBroker({ ...options, url: 'redis://127.0.0.1' })).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});
