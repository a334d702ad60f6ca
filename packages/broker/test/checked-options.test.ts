// Every option of a broker and of a subscriber is checked at creation.
import {
  type BrokerOptions,
  connectRedis,
  createMemoryBroker,
  createRedisBroker,
  createSubscriber,
  type MemoryBrokerOptions,
  type RedisBrokerOptions,
  type StreamOptions,
  type SubscriberOptions,
} from '@millrace/broker';
import {
  callbacks,
  describeOptions,
  fakeClock,
  type OptionTable,
  objects,
  texts,
  timers,
  wholeNumbers,
} from '@millrace/testkit';
import { expect, test } from 'vitest';

const STREAMS = [{ name: 'events:chat', maxLength: 10 }];
const max = 2 ** 40;
const names = texts(['a', 'é'.repeat(100)], ['', '{x}', 'a\nb', 'é'.repeat(101)]);
const clock = objects([fakeClock()], [{}, { wallMs: () => 1 }]);

const brokerTable: OptionTable<BrokerOptions> = {
  streams: { ...objects([STREAMS], [{}, [], [...STREAMS, ...STREAMS]]), isRequired: true },
  group: names,
  consumerPrefix: names,
  dedupeWindowMs: wholeNumbers({ max }),
  commandTimeoutMs: timers(),
  connectTimeoutMs: timers(),
  livenessMs: wholeNumbers({ max }),
  leaseMs: wholeNumbers({ max }),
  heartbeatMs: timers(),
  minAgeMs: wholeNumbers({ min: 0, max }),
  hardCapFactor: wholeNumbers({ max }),
  publishBatchSize: wholeNumbers({ max: 1_000 }),
  trimBatchSize: wholeNumbers({ max: 100_000 }),
  deadLetterMaxLength: wholeNumbers({ max }),
  deadMarkMs: wholeNumbers({ max }),
};
// The message about a stream names the stream instead of the option.
const { streams, ...others } = brokerTable;
const streamsTable = {
  ...streams,
  wrong: streams.wrong.filter((value) => !Array.isArray(value) || value.length === 0),
};
const code = 'invalid_argument';

describeOptions<MemoryBrokerOptions>('createMemoryBroker', {
  create: (options) => createMemoryBroker(options),
  table: { streams: streamsTable, ...others, clock },
  code,
});

const clientNames = texts(['api', '!'.repeat(64)], ['', 'two words', 'é', 'x'.repeat(65)]);
const urls = { ...texts(['redis://127.0.0.1:1'], ['', 'hunter2']), isRequired: true, isSecret: true };

describeOptions<RedisBrokerOptions>('createRedisBroker', {
  create: (options) => createRedisBroker(options),
  table: {
    streams: streamsTable,
    ...others,
    clock,
    url: urls,
    tls: objects([{}], [{ CA: 'x' }]),
    keyPrefix: texts(['', 'acme:', 'ä/'], ['{a}', 'a b', 'a*', 'coalesce:', 'x'.repeat(101)]),
    clientName: clientNames,
    onHealed: callbacks,
  },
  code,
});

describeOptions<StreamOptions>('one stream of a broker', {
  create: (stream) => createMemoryBroker({ streams: [stream] }),
  table: {
    name: { ...names, isRequired: true },
    maxLength: { ...wholeNumbers({ max }), isRequired: true },
    partitions: wholeNumbers({ max: 32 }),
    retention: texts(['acknowledged', 'observe'], ['', 'observed', 'none']),
    group: names,
  },
  code,
  path: 'streams[0]: ',
});

test('a list of streams with an undefined stream, or with a stream twice, is refused', () => {
  for (const wrong of [[undefined, ...STREAMS], [...STREAMS, ...STREAMS], ['events:chat']])
    expect(() => createMemoryBroker({ streams: wrong as typeof STREAMS })).toThrow(
      expect.objectContaining({ code }),
    );
});

const shortText = texts(['a', 'x'.repeat(256)], ['', 'x'.repeat(257)]);

describeOptions<SubscriberOptions>('createSubscriber', {
  create: (options) => createSubscriber(createMemoryBroker({ streams: STREAMS }), options),
  table: {
    name: { ...shortText, isRequired: true },
    instance: shortText,
    onEntry: { ...callbacks, isRequired: true },
    warmUp: callbacks,
    onReset: callbacks,
    onMove: callbacks,
    beforeOvertaken: callbacks,
    onOvertaken: callbacks,
    onGap: callbacks,
    onAdvance: callbacks,
    onHeartbeat: callbacks,
    onStateChange: callbacks,
    onError: callbacks,
    onTrouble: callbacks,
    onTroubleOver: callbacks,
    onLedgerPass: callbacks,
    onTrim: callbacks,
    clock,
    readCount: wholeNumbers({ max: 1_000 }),
    readBlockMs: timers(),
    passEntryCount: wholeNumbers({ max: 1_000 }),
    fullPassDelayMs: timers(),
    busyPassDelayMs: timers(),
    idlePassDelayMs: timers(),
    trimIntervalMs: timers(),
  },
  code,
});

test.each([
  [{ clientName: 'a' }, 'url must'],
  [{ url: 'redis://127.0.0.1:1' }, 'clientName must'],
  [{ url: 'redis://127.0.0.1:1', clientName: 'a b' }, 'clientName must'],
  [{ url: 'redis://127.0.0.1:1', clientName: 'a', commandTimeoutMs: '10' }, 'commandTimeoutMs must'],
  [{ url: 'redis://127.0.0.1:1', clientName: 'a', connectTimeoutMs: Number.NaN }, 'not NaN'],
  [{ url: 'redis://127.0.0.1:1', clientName: 'a', onStateChange: 1 }, 'onStateChange must'],
  [{ url: 'redis://127.0.0.1:1', clientname: 'a' }, 'did you mean clientName?'],
])('connectRedis refuses the options %j before it connects', async (options, fault) => {
  await expect(connectRedis(options as never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(fault) as string,
  });
});
