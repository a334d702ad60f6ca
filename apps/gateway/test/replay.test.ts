import { randomUUID } from 'node:crypto';
import { BrokerError, createMemoryBroker, encodePosition, type Position } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { describe, expect, it, vi } from 'vitest';
import { RoomPositions } from '../src/delivery/room-positions.js';
import { Replay } from '../src/replay/replay.js';

const epoch = '0123abcd';
const at = (chat: string, over: Partial<{ epoch: string }> = {}): Position =>
  eventCatalog.streams.map(({ name }) => ({ epoch, ...over, cursor: name === 'events:chat' ? chat : '0-0' }));

function setUp(options: { maxEventsPerRoom?: number; maxBytesPerRoom?: number } = {}) {
  let current = at('0-0');
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  const replay = new Replay(
    {
      catalog: eventCatalog,
      windowMs: 300_000,
      maxRingBytes: 10_000_000,
      maxEventsPerRoom: 100,
      maxBytesPerRoom: 1_000_000,
      ...options,
    },
    broker,
    new RoomPositions(broker, () => ({
      position: () => encodePosition(current),
      currentPosition: (streams) =>
        current.filter((_, index) => streams?.includes(eventCatalog.streams[index]?.name ?? '') ?? true),
    })),
  );
  for (const { name } of eventCatalog.streams) replay.ring.begin(name, '0-0');
  let last = 0;
  const deliver = (content: string, roomId = 'room'): void => {
    last += 1;
    const id = `${last}-0`;
    current = at(id);
    const payload = {
      id: randomUUID(),
      request_id: randomUUID(),
      content,
      sequence_number: last,
      is_screenshot: false,
      created_at: '2026-01-16T10:00:00Z',
    };
    const fields = eventCatalog.encodeEntry({
      event_id: randomUUID(),
      event_type: 'chat_message',
      timestamp: '2026-01-16T10:00:00Z',
      room_id: roomId,
      payload,
    });
    const parsed = eventCatalog.parseEntry(fields);
    if (!parsed.ok) throw new Error('the sample is invalid');
    replay.remember('events:chat', id, parsed.value, () =>
      JSON.stringify({ content, position: encodePosition(current) }),
    );
  };
  const target = (after: Position, over: { flushed?: () => Promise<void>; isGone?: () => boolean } = {}) => {
    const log: string[] = [];
    return {
      log,
      roomId: 'room',
      after,
      send: ({ text }: { readonly text: string }) =>
        void log.push((JSON.parse(text) as { content: string }).content),
      flushed: async () => {},
      isGone: () => false,
      arrive: () => void log.push('arrived'),
      ...over,
    };
  };
  return { replay, deliver, target, broker };
}

describe('Replay', () => {
  it('sends what was missed and arrives in the same turn', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('elsewhere', 'other');
    deliver('two');
    const client = target(at('1-0'));
    const outcome = replay.catchUp(client);
    // Microtasks only: a timer or a socket cannot get between.
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    expect(await outcome).toEqual({ recovered: true, replayed: 1 });
    expect(hasTurned).toBe(false);
    expect(client.log).toEqual(['two', 'arrived']);
  });

  it('sends what came while it was sending, before it arrives', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    let flushes = 0;
    const client = target(at('0-0'), {
      flushed: async () => {
        flushes += 1;
        deliver(`late ${flushes}`);
        deliver('late elsewhere', 'other');
      },
    });
    expect(await replay.catchUp(client)).toEqual({ recovered: true, replayed: 4 });
    expect(client.log.map((text) => text.slice(0, 6))).toEqual([
      '000000',
      '111111',
      '222222',
      'late 1',
      'arrive',
    ]);
  });

  it.each([
    ['another epoch', at('1-0', { epoch: 'zzzzzzzz' })],
    ['another list of streams', at('1-0').slice(1)],
  ])('sends nothing and says so for %s', async (_, after) => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('two');
    const client = target(after);
    expect(await replay.catchUp(client)).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('sends nothing when there are too many events or bytes', async () => {
    const few = setUp({ maxEventsPerRoom: 2 });
    for (const content of ['a', 'b', 'c']) few.deliver(content);
    const three = few.target(at('0-0'));
    expect(await few.replay.catchUp(three)).toEqual({ recovered: false, replayed: 0 });
    expect(three.log).toEqual(['arrived']);
    const two = few.target(at('1-0'));
    expect(await few.replay.catchUp(two)).toEqual({ recovered: true, replayed: 2 });
    const small = setUp({ maxBytesPerRoom: 500 });
    small.deliver('x'.repeat(1_000));
    expect(await small.replay.catchUp(small.target(at('0-0')))).toEqual({ recovered: false, replayed: 0 });
  });

  it('stops for a client that is gone', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 5; n += 1) deliver(`${n}`.repeat(70_000));
    let isGone = false;
    const client = target(at('0-0'), {
      flushed: async () => {
        isGone = true;
      },
      isGone: () => isGone,
    });
    expect(await replay.catchUp(client)).toMatchObject({ recovered: false });
    expect(client.log).toHaveLength(2);
  });

  it('does not claim to be whole when a stream begins anew meanwhile', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target(at('0-0'), { flushed: async () => replay.ring.begin('events:chat', '0-0') });
    expect(await replay.catchUp(client)).toMatchObject({ recovered: false });
    expect(client.log.at(-1)).toBe('arrived');
  });

  it('is not disturbed by a stream in which no event of the room stands', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target(at('0-0'), { flushed: async () => replay.ring.begin('events:chat.p1', '0-0') });
    expect(await replay.catchUp(client)).toEqual({ recovered: true, replayed: 3 });
  });

  it('does not claim to be whole when the broker cannot be asked', async () => {
    const { replay, deliver, target, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'inspect').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    const client = target(at('1-0'));
    expect(await replay.catchUp(client)).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('accepts a client that is ahead: what it has seen elsewhere comes again and is dropped there', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    const client = target(at('9-0'));
    expect(await replay.catchUp(client)).toEqual({ recovered: true, replayed: 0 });
  });
});
