import { BrokerError } from '@millrace/broker';
import { describe, expect, it, vi } from 'vitest';
import type { Replay } from '../../src/replay/replay.js';
import type { DeliveryPoint, ReplayTarget } from '../../src/replay/replay-target.js';
import { at, createReplayWorld as setUp } from '../support/replay-world.js';

/** Catches up in one room. */
function catchUpOne(replay: Replay, target: Omit<ReplayTarget, 'mayReplay'>, since: DeliveryPoint) {
  const room = { ...target, since };
  return replay.catchUpFromMemory(() => [room], target);
}

describe('Replay', () => {
  it('a replay sends the missed events and admits the client to the room in one turn of the event loop', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('elsewhere', 'other');
    deliver('two');
    const client = target();
    const outcome = replay.catchUp(client, at('1-0'));
    // The replay uses only microtasks, so no timer or socket callback runs in between.
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    expect(await outcome).toEqual({ recovered: true, replayed: 1 });
    expect(hasTurned).toBe(false);
    expect(client.log).toEqual(['two', 'arrived']);
  });

  it('events that arrive during a replay are sent before the client is admitted to the room', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    let flushes = 0;
    const client = target({
      flushed: async () => {
        flushes += 1;
        if (flushes > 1) return;
        deliver('late 1');
        deliver('late elsewhere', 'other');
      },
    });
    expect(await replay.catchUp(client, at('0-0'))).toEqual({ recovered: true, replayed: 4 });
    expect(client.log.map((text) => text.slice(0, 6))).toEqual([
      '000000',
      '111111',
      '222222',
      'late 1',
      'arrive',
    ]);
  });

  it.each([
    ['a position of another epoch', at('1-0', { epoch: 'zzzzzzzz' })],
    ['a position without streams', []],
  ])('a replay sends nothing and answers `recovered: false` for %s', async (_, after) => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('two');
    const client = target();
    expect(await replay.catchUp(client, after)).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('a replay sends every stored event of a stream that the position does not name', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('two');
    const client = target();
    expect(await replay.catchUp(client, at('1-0').slice(1))).toEqual({ recovered: true, replayed: 2 });
    expect(client.log).toEqual(['one', 'two', 'arrived']);
  });

  it('a replay sends nothing if there are too many missed events or bytes', async () => {
    const few = setUp({ maxEventsPerRoom: 2 });
    for (const content of ['a', 'b', 'c']) few.deliver(content);
    const three = few.target();
    expect(await few.replay.catchUp(three, at('0-0'))).toEqual({ recovered: false, replayed: 0 });
    expect(three.log).toEqual(['arrived']);
    const two = few.target();
    expect(await few.replay.catchUp(two, at('1-0'))).toEqual({ recovered: true, replayed: 2 });
    const small = setUp({ maxBytesPerRoom: 500 });
    small.deliver('x'.repeat(1_000));
    expect(await small.replay.catchUp(small.target(), at('0-0'))).toEqual({ recovered: false, replayed: 0 });
  });

  it('a client whose messages take long to make is sent two events per slice, both after a join and after it was slow', async () => {
    const { replay, deliver, target } = setUp();
    const since = replay.deliveryPoint('room');
    for (let n = 0; n < 5; n += 1) deliver(`${n}`);
    let nowMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const turns: string[][] = [[]];
    const client = target({
      // A slice ends after 5 ms.
      send({ text }) {
        nowMs += 3;
        turns.at(-1)?.push((JSON.parse(text) as { content: string }).content);
      },
      flushed: async () => void turns.push([]),
    });
    const expected = [['0', '1'], ['2', '3'], ['4']];
    expect(await replay.catchUp(client, at('0-0'))).toEqual({ recovered: true, replayed: 5 });
    expect(turns).toEqual(expected);
    turns.splice(0, turns.length, []);
    expect(await catchUpOne(replay, client, since)).toEqual({ recovered: true, replayed: 5 });
    expect(turns).toEqual([...expected, []]);
    clock.mockRestore();
  });

  it('a replay stops when the client has disconnected', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 5; n += 1) deliver(`${n}`.repeat(70_000));
    let isGone = false;
    const client = target({
      flushed: async () => {
        isGone = true;
      },
      isGone: () => isGone,
    });
    expect(await replay.catchUp(client, at('0-0'))).toMatchObject({ recovered: false });
    expect(client.log).toHaveLength(2);
  });

  it('a replay answers `recovered: false` if a stream of the room restarts meanwhile', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target({ flushed: async () => replay.ring.begin('events:chat', '0-0') });
    expect(await replay.catchUp(client, at('0-0'))).toMatchObject({ recovered: false });
    expect(client.log.at(-1)).toBe('arrived');
  });

  it('a replay answers `recovered: true` if a stream without events of the room restarts meanwhile', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target({ flushed: async () => replay.ring.begin('events:chat.p1', '0-0') });
    expect(await replay.catchUp(client, at('0-0'))).toEqual({ recovered: true, replayed: 3 });
  });

  it('the outcome of a replay is “unknown” while the broker is unavailable', async () => {
    const { replay, deliver, target, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    const client = target();
    expect(await replay.catchUp(client, at('1-0'))).toBe('unknown');
    expect(client.log).toEqual([]);
  });

  it('a replay answers `recovered: false` if the broker refuses the read permanently', async () => {
    const { replay, deliver, target, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('refused', 'wrong type'));
    const client = target();
    expect(await replay.catchUp(client, at('1-0'))).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('a replay answers `recovered: false` for a position ahead of the stream', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    const client = target();
    expect(await replay.catchUp(client, at('9-0'))).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  describe('catching up from memory', () => {
    it('a lagging client gets all missed and later events in order, and is then admitted to the room', async () => {
      // The limits of a join do not apply here. Therefore the client is sent more events and bytes.
      const { replay, deliver, target } = setUp({ maxEventsPerRoom: 2, maxBytesPerRoom: 500 });
      deliver('before');
      const since = replay.deliveryPoint('room');
      for (let n = 0; n < 5; n += 1) deliver(`${n}`.repeat(40_000));
      deliver('elsewhere', 'other');
      let flushes = 0;
      const client = target({
        flushed: async () => {
          flushes += 1;
          if (flushes <= 2) deliver(`late ${flushes}`);
        },
      });
      expect(await catchUpOne(replay, client, since)).toEqual({ recovered: true, replayed: 7 });
      const expected = ['000000', '111111', '222222', '333333', '444444', 'late 1', 'late 2', 'arrive'];
      expect(client.log.map((text) => text.slice(0, 6))).toEqual(expected);
      // Two of the long events fill a slice. The replay waits for the client after each slice. On a busy machine, a slice may end
      // earlier because its time is over.
      expect(flushes).toBeGreaterThanOrEqual(3);
    });

    it('a lagging client that missed no event is admitted to the room at once', async () => {
      const { replay, deliver, target } = setUp();
      deliver('before');
      const since = replay.deliveryPoint('room');
      deliver('elsewhere', 'other');
      const client = target();
      const outcome = catchUpOne(replay, client, since);
      expect(client.log).toEqual(['arrived']);
      expect(await outcome).toEqual({ recovered: true, replayed: 0 });
    });

    it('a lagging client is not admitted to the room if a missed event was evicted from memory', async () => {
      const { replay, deliver, target } = setUp();
      const since = replay.deliveryPoint('room');
      for (let n = 0; n < 4; n += 1) deliver(`${n}`.repeat(70_000));
      const client = target({ flushed: async () => replay.evict(300_003) });
      expect(await catchUpOne(replay, client, since)).toEqual({ recovered: false, replayed: 1 });
      expect(client.log).toHaveLength(1);
      const other = target();
      expect(await catchUpOne(replay, other, since)).toEqual({ recovered: false, replayed: 0 });
      expect(other.log).toEqual([]);
    });

    it('a lagging client is not admitted to the room if a stream of the room restarts during the replay', async () => {
      const { replay, deliver, target } = setUp();
      const since = replay.deliveryPoint('room');
      deliver('one');
      const client = target({ flushed: async () => replay.ring.begin('events:chat', '1-0') });
      expect(await catchUpOne(replay, client, since)).toEqual({ recovered: false, replayed: 1 });
      expect(client.log).toEqual(['one']);
    });

    it('catching up stops when the client has disconnected', async () => {
      const { replay, deliver, target } = setUp();
      const since = replay.deliveryPoint('room');
      deliver('one');
      const client = target({ isGone: () => true });
      expect(await catchUpOne(replay, client, since)).toEqual({ recovered: false, replayed: 0 });
      expect(client.log).toEqual([]);
    });
  });
});
