// Every option is checked when a publisher is created.
import { createMemoryBroker } from '@millrace/broker';
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import {
  describeOptions,
  fakeClock,
  type OptionTable,
  objects,
  texts,
  timers,
  wholeNumbers,
} from '@millrace/testkit';
import { expect, it, test } from 'vitest';
import { connectPublisher, createPublisher, type PublisherOptions } from '../src/index.js';
import { setUp } from './set-up.js';

const broker = createMemoryBroker({ streams: eventCatalog.streams });

const table: OptionTable<PublisherOptions<AnyCatalog>> = {
  broker: { ...objects([broker]), isRequired: true },
  catalog: { ...objects([eventCatalog]), isRequired: true },
  sourceInstance: texts(['api-1', 'ä']),
  observer: objects([{}, { stored: () => undefined }], [{ stored: 'yes' }, { dropped: 1 }]),
  clock: objects([fakeClock()], [{}, { wallMs: () => 1 }]),
  coalescing: texts(['local', 'redis'], ['Redis', 'LOCAL', '']),
  maxQueuedEvents: wholeNumbers(),
  maxQueuedChars: wholeNumbers(),
  maxQueueWaitMs: timers(),
  maxOpenWindows: wholeNumbers(),
  intake: objects(
    [{ streams: [] }, { streams: ['events:chat'], readEntry: (_stream: string, entry: object) => entry }],
    [{}, { streams: 'events:chat' }, { streams: [7] }, { streams: [], readEntry: true }],
  ),
  revocationKeepMs: wholeNumbers({ max: 315_576_000_000 }),
};

describeOptions('createPublisher', {
  create: (options: PublisherOptions<AnyCatalog>) => createPublisher(options),
  table,
  code: 'invalid_option',
});

// Nothing listens on this port.
const redisUrl = 'redis://user:hunter2@127.0.0.1:1';
const { broker: _broker, catalog: _catalog, ...common } = table;

test.each(
  Object.entries(common).flatMap(([name, { wrong }]) => wrong.map((value) => [name, value] as const)),
)('connectPublisher refuses a wrong %s before it connects', async (name, value) => {
  await expect(connectPublisher({ redisUrl, [name]: value })).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining(name) as string,
  });
});

it.each([
  [{ redisUrl: undefined }, 'redisUrl must'],
  [{ redisUrl: '' }, 'redisUrl must'],
  [{ url: redisUrl }, 'url is not an option'],
  [{ redisUrl, broker }, 'broker is not an option'],
  [{ redisUrl, catalog: {} }, 'catalog must'],
  [redisUrl, 'must be an object'],
])('connectPublisher refuses the options %#, and the error names the fault', async (options, fault) => {
  const attempt = connectPublisher(options as never);
  await expect(attempt).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining(fault) as string,
  });
  if (typeof options !== 'string') await expect(attempt).rejects.not.toThrow(/hunter2/);
});

test('an undefined limit leaves the default limit in force', async () => {
  await using system = await setUp({
    maxQueuedEvents: undefined as unknown as number,
    clock: fakeClock(),
    observer: undefined as unknown as object,
  });
  await system.publisher.publish('notification', 'ticket-42', { type: 'info', title: 'Hello' });
  expect(await system.entries('events:notification')).toHaveLength(1);
});

test('a misspelt option of an event is refused, because the event could otherwise be stored twice', async () => {
  await using system = await setUp();
  const payload = { type: 'info', title: 'Hello' } as const;
  const publish = (options: object) =>
    system.publisher.publish('notification', 'ticket-42', payload, options);
  await expect(publish({ eventID: 'x' })).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining('did you mean eventId?') as string,
  });
  await expect(publish('x' as unknown as object)).rejects.toMatchObject({ code: 'invalid_option' });
  await publish({ eventId: undefined });
  expect(await system.entries('events:notification')).toHaveLength(1);
});
