import { BrokerError } from '@millrace/broker';
import { describe, expect, it, vi } from 'vitest';
import { at, createReplayWorld as setUp } from '../support/replay-world.js';

describe('Replay', () => {
  it('sends what was missed and arrives in the same turn', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('elsewhere', 'other');
    deliver('two');
    const client = target();
    const outcome = replay.catchUp(client, at('1-0'));
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
    ['another epoch', at('1-0', { epoch: 'zzzzzzzz' })],
    ['no stream at all', []],
  ])('sends nothing and says so for %s', async (_, after) => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('two');
    const client = target();
    expect(await replay.catchUp(client, after)).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('a replay sends all that is there of a stream that the position does not name', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    deliver('two');
    const client = target();
    expect(await replay.catchUp(client, at('1-0').slice(1))).toEqual({ recovered: true, replayed: 2 });
    expect(client.log).toEqual(['one', 'two', 'arrived']);
  });

  it('sends nothing when there are too many events or bytes', async () => {
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

  it('stops for a client that is gone', async () => {
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

  it('does not claim to be whole when a stream begins anew meanwhile', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target({ flushed: async () => replay.ring.begin('events:chat', '0-0') });
    expect(await replay.catchUp(client, at('0-0'))).toMatchObject({ recovered: false });
    expect(client.log.at(-1)).toBe('arrived');
  });

  it('is not disturbed by a stream in which no event of the room stands', async () => {
    const { replay, deliver, target } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(40_000));
    const client = target({ flushed: async () => replay.ring.begin('events:chat.p1', '0-0') });
    expect(await replay.catchUp(client, at('0-0'))).toEqual({ recovered: true, replayed: 3 });
  });

  it('neither claims to be whole nor that something is lost when the broker cannot be asked', async () => {
    const { replay, deliver, target, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    const client = target();
    expect(await replay.catchUp(client, at('1-0'))).toBe('unknown');
    expect(client.log).toEqual([]);
  });

  it('says that something is lost when the broker refuses for good', async () => {
    const { replay, deliver, target, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('refused', 'wrong type'));
    const client = target();
    expect(await replay.catchUp(client, at('1-0'))).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  it('does not take a position that is ahead of the stream', async () => {
    const { replay, deliver, target } = setUp();
    deliver('one');
    const client = target();
    expect(await replay.catchUp(client, at('9-0'))).toEqual({ recovered: false, replayed: 0 });
    expect(client.log).toEqual(['arrived']);
  });

  describe('follows up a member that was left out', () => {
    it('with everything since then, in order, what comes meanwhile included, and lets it in in the same turn', async () => {
      // However much it is: the bounds of a join do not hold here.
      const { replay, deliver, target } = setUp({ maxEventsPerRoom: 2, maxBytesPerRoom: 500 });
      deliver('before');
      const mark = replay.mark('room');
      for (let n = 0; n < 5; n += 1) deliver(`${n}`.repeat(40_000));
      deliver('elsewhere', 'other');
      let flushes = 0;
      const client = target({
        flushed: async () => {
          flushes += 1;
          if (flushes <= 2) deliver(`late ${flushes}`);
        },
      });
      expect(await replay.followUp(client, mark)).toEqual({ recovered: true, replayed: 7 });
      const expected = ['000000', '111111', '222222', '333333', '444444', 'late 1', 'late 2', 'arrive'];
      expect(client.log.map((text) => text.slice(0, 6))).toEqual(expected);
      // Two of them fill a slice: the client is waited for after each.
      expect(flushes).toBe(3);
    });

    it('at once when nothing came', async () => {
      const { replay, deliver, target } = setUp();
      deliver('before');
      const mark = replay.mark('room');
      deliver('elsewhere', 'other');
      const client = target();
      const outcome = replay.followUp(client, mark);
      expect(client.log).toEqual(['arrived']);
      expect(await outcome).toEqual({ recovered: true, replayed: 0 });
    });

    it('and does not let it in when memory has lost some of it, before or meanwhile', async () => {
      const { replay, deliver, target } = setUp();
      const mark = replay.mark('room');
      for (let n = 0; n < 4; n += 1) deliver(`${n}`.repeat(70_000));
      const client = target({ flushed: async () => replay.evict(300_003) });
      expect(await replay.followUp(client, mark)).toEqual({ recovered: false, replayed: 1 });
      expect(client.log).toHaveLength(1);
      const other = target();
      expect(await replay.followUp(other, mark)).toEqual({ recovered: false, replayed: 0 });
      expect(other.log).toEqual([]);
    });

    it('and does not let it in when a stream of the room begins anew', async () => {
      const { replay, deliver, target } = setUp();
      const mark = replay.mark('room');
      deliver('one');
      const client = target({ flushed: async () => replay.ring.begin('events:chat', '1-0') });
      expect(await replay.followUp(client, mark)).toEqual({ recovered: false, replayed: 1 });
      expect(client.log).toEqual(['one']);
    });

    it('and stops when it is gone', async () => {
      const { replay, deliver, target } = setUp();
      const mark = replay.mark('room');
      deliver('one');
      const client = target({ isGone: () => true });
      expect(await replay.followUp(client, mark)).toEqual({ recovered: false, replayed: 0 });
      expect(client.log).toEqual([]);
    });
  });
});
