// Windows in a real Redis: on one server, and on a cluster where a window and its stream are on different nodes.
import { randomUUID } from 'node:crypto';
import { type Broker, createRedisBroker } from '@millrace/broker';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import {
  fakeClock,
  mortalBroker,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
  until,
} from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublisher, type PublisherOptions } from '../../src/index.js';
import { ana, bob, chat, typing } from '../set-up.js';

let redis: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
}, 60_000);

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function openPublisher(url: string, options: Partial<PublisherOptions<typeof eventCatalog>> = {}) {
  const broker = createRedisBroker({ url, streams: eventCatalog.streams });
  await broker.open();
  const view = mortalBroker(broker);
  const publisher = createPublisher({ broker: view.broker, catalog: eventCatalog, ...options });
  return {
    broker,
    publisher,
    die: view.die,
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

/**
 * Opens a publisher whose time does not advance: its windows end by `flush` and `close` only. On a busy machine, the 100 ms of a window
 * can pass between two calls of a test.
 */
const openStandingPublisher = (url: string) => openPublisher(url, { clock: fakeClock() });

/** Returns all events of a room, without repeats. */
async function eventsOf(broker: Broker, roomId: string): Promise<StreamEvent[]> {
  const entries = await broker.readRange('events:chat', { count: 1_000 });
  const events = new Map<string, StreamEvent>();
  for (const { fields } of entries) {
    const parsed = eventCatalog.parseEntry(fields);
    if (parsed.ok && parsed.value.event.room_id === roomId)
      events.set(parsed.value.event.event_id, parsed.value.event);
  }
  return [...events.values()];
}

const countsOf = (events: readonly StreamEvent[]): number[] =>
  events.map(({ metadata }) => metadata?.coalesced_count ?? 0);

describe.each([
  ['one server', () => redis.url],
  ['a cluster', () => cluster.url],
])('windows on %s', (_, url) => {
  it('publishers share their windows, and flush the windows of a dead publisher', async () => {
    await using first = await openPublisher(url());
    await using second = await openPublisher(url());
    const rooms = Array.from({ length: 8 }, () => randomUUID());
    for (const room of rooms) {
      await first.publisher.publish('typing_start', room, typing(ana, true));
      await first.publisher.publish('read_receipt', room, { user_id: bob, message_ids: [randomUUID()] });
    }
    first.die();
    for (const room of rooms) await second.publisher.publish('typing_stop', room, typing(ana, false));
    for (const room of rooms) {
      // On a slow machine, the first window may end before the second publisher adds its event. Three events are then right.
      const total = async () =>
        countsOf(await eventsOf(second.broker, room)).reduce((sum, count) => sum + count, 0);
      await until(async () => (await total()) === 3);
      const types = (await eventsOf(second.broker, room)).map(({ event_type }) => event_type);
      expect(types.filter((type) => type !== 'read_receipt').at(-1)).toBe('typing_stop');
    }
    await until(
      async () => (await second.broker.windows.overdue('typing', { graceMs: 0, count: 9 })).length === 0,
    );
  });

  it('a message from another publisher ends waiting typing, but not typing after the message', async () => {
    await using one = await openStandingPublisher(url());
    await using other = await openStandingPublisher(url());
    for (let round = 0; round < 5; round++) {
      const room = randomUUID();
      await one.publisher.publish('typing_start', room, typing(ana, true));
      await one.publisher.publish('typing_start', room, typing(bob, true));
      await other.publisher.publish('chat_message', room, chat(ana));
      await other.publisher.publish('typing_start', room, typing(ana, true));
      await one.publisher.flush();
      const events = await eventsOf(one.broker, room);
      expect(events.map(({ event_type }) => event_type)).toEqual([
        'chat_message',
        'typing_start',
        'typing_start',
      ]);
      expect(countsOf(events)).toEqual([0, 1, 1]);
    }
  });

  it('a window is flushed completely even if its publisher dies between storing and committing', async () => {
    await using first = await openPublisher(url());
    await using second = await openPublisher(url());
    const room = randomUUID();
    await first.publisher.publish('typing_start', room, typing(ana, true));
    // Two more calls are allowed: one claims the window, and one stores its only event. A check for overdue windows may use
    // one of these calls.
    first.die({ afterCalls: 1, isLastCallDone: true });
    await until(async () => (await eventsOf(second.broker, room)).length > 0);
    const name = { roomId: room, slot: 'typing' };
    await until(async () => {
      const claim = await second.broker.windows.claim(name, {
        token: randomUUID(),
        leaseMs: 1,
        isForced: true,
      });
      return claim.status === 'idle';
    });
    expect(countsOf(await eventsOf(second.broker, room))).toEqual([1]);
  });

  it('a publisher that closes flushes its windows, including windows that another publisher opened', async () => {
    await using first = await openStandingPublisher(url());
    await using second = await openStandingPublisher(url());
    const room = randomUUID();
    await first.publisher.publish('typing_start', room, typing(ana, true));
    await second.publisher.publish('typing_start', room, typing(bob, true));
    await second.publisher.close();
    expect(countsOf(await eventsOf(second.broker, room))).toEqual([1, 1]);
  });
});

it('a pending window has the Redis key of the data model', async () => {
  await using system = await openPublisher(redis.url);
  // The windows are opened by hand and are long, so that their keys can be read before they end.
  const { windows } = system.broker;
  for (const slot of ['typing', 'read_receipt'])
    await windows.add({ roomId: 'abc123', slot }, [{ id: randomUUID(), text: '{}' }], {
      windowMs: 60_000,
      stream: 'events:chat',
    });
  expect((await redis.cli('keys', 'coalesce:*')).split('\n').sort()).toEqual([
    'coalesce:abc123:read_receipt',
    'coalesce:abc123:typing',
  ]);
  await system.publisher.publish('typing_start', 'abc123', typing(ana, true));
  await system.publisher.publish('read_receipt', 'abc123', { user_id: ana, message_ids: [randomUUID()] });
  await system.publisher.flush();
  expect(countsOf(await eventsOf(system.broker, 'abc123'))).toEqual([1, 1]);
  expect(await redis.cli('keys', 'coalesce*')).toBe('');
  // A message leaves no key, whether it ends typing or not.
  await system.publisher.publish('chat_message', 'abc123', chat(ana));
  expect(await redis.cli('keys', 'coalesce*')).toBe('');
  await system.publisher.publish('typing_start', 'abc123', typing(bob, true));
  await system.publisher.publish('chat_message', 'abc123', chat(bob));
  await system.publisher.flush();
  expect(await redis.cli('keys', 'coalesce*')).toBe('');
  expect((await eventsOf(system.broker, 'abc123')).at(-1)?.event_type).toBe('chat_message');
});
