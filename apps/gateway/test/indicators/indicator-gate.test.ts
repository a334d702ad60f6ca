// The typing events that the gateway sends to clients, for typing and messages that arrive in any order.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ana, bob, messageOf, createTypingWorld as setUp } from '../support/typing-world.js';

describe('typing at the gateway', () => {
  it('the gate passes the first typing event at once, later ones every 100 ms, and always the last state', async () => {
    const world = setUp();
    for (let n = 0; n < 1_000; n++) {
      world.type(ana, n % 2 === 0);
      await world.clock.advance(1);
    }
    await world.clock.advance(100);
    const times = world.sent.map(({ atMs }) => atMs);
    expect(times[0]).toBe(0);
    expect(times.length).toBe(11);
    expect(times.slice(1).every((time, at) => time - (times[at] ?? 0) >= 100)).toBe(true);
    expect(world.types().at(-1)).toBe('typing_stop');
    // Each typing event is either delivered or counted as dropped.
    expect(world.sent.length + world.dropped.length).toBe(1_000);
  });

  it('typing of one user delays neither typing of another user nor events of other types', () => {
    const world = setUp();
    world.type(ana, true);
    world.type(ana, false);
    world.type(bob, true);
    world.arrive('read_receipt', { user_id: ana, message_ids: [randomUUID()] });
    world.arrive('read_receipt', { user_id: ana, message_ids: [randomUUID()] });
    expect(world.types()).toEqual(['typing_start', 'typing_start', 'read_receipt', 'read_receipt']);
  });

  it.each([0, -300_000, 300_000])(
    'a typing_start is dropped only if it is from before a message, even if clocks differ by %d ms',
    async (skewMs) => {
      const world = setUp();
      const earlier = world.type(bob, true);
      const message = world.say(ana, { skewMs: -skewMs });
      // These starts were made before the message, but published after it.
      world.type(ana, true, { skewMs, asOf: earlier });
      world.type(ana, true, { skewMs, asOf: message });
      await world.clock.advance(200);
      expect(world.types()).toEqual(['typing_start', 'chat_message']);
      expect(world.dropped).toEqual(['ended', 'ended']);
      world.type(ana, true, { skewMs, asOf: message.replace(/\d+$/, (last) => `${Number(last) + 1}`) });
      world.say(ana, { skewMs });
      world.type(ana, true, { skewMs: -skewMs });
      await world.clock.advance(200);
      expect(world.types().slice(2)).toEqual(['typing_start', 'chat_message', 'typing_start']);
    },
  );

  it.each(['', 'soon', '99999999999999-0', '-1-0'])(
    'a typing event with the invalid as_of %j counts as made at its own entry ID',
    async (asOf) => {
      const world = setUp();
      world.say(ana);
      world.type(ana, true, { asOf });
      await world.clock.advance(200);
      world.say(ana);
      expect(world.types()).toEqual(['chat_message', 'typing_start', 'chat_message']);
    },
  );

  it('a typing_start that was made before a typing_stop is dropped if it arrives later', async () => {
    const world = setUp();
    const earlier = world.type(bob, true);
    world.type(ana, false);
    world.type(ana, true, { asOf: earlier });
    await world.clock.advance(200);
    expect(world.types()).toEqual(['typing_start', 'typing_stop']);
  });

  it('typing is shown again within 11 seconds after a lost stream restarts with lower IDs', async () => {
    const world = setUp();
    const payload = messageOf(ana);
    const fields = { event_id: randomUUID(), event_type: 'chat_message', timestamp: '2026-01-16T10:00:00Z' };
    const entry = { ...fields, room_id: 'room', payload: JSON.stringify(payload) };
    world.dispatcher.dispatch('events:chat', { id: `${world.clock.wallMs() + 600_000}-0`, fields: entry });
    for (let seconds = 0; seconds < 11; seconds++) {
      world.type(ana, true);
      await world.clock.advance(1_000);
    }
    expect(world.types().filter((type) => type === 'typing_start')).toHaveLength(1);
  });

  it('a waiting typing_start is dropped and counted if a message arrives before its window ends', async () => {
    const world = setUp();
    world.type(ana, false);
    world.type(ana, true);
    await world.clock.advance(50);
    world.say(ana);
    await world.clock.advance(1_000);
    expect(world.types()).toEqual(['typing_stop', 'chat_message']);
    expect(world.dropped).toEqual(['ended']);
  });

  it('a typing_start passes after a message, and after a typing_stop', async () => {
    const world = setUp();
    world.say(ana);
    await world.clock.advance(1);
    world.type(ana, true);
    await world.clock.advance(200);
    world.type(ana, false);
    await world.clock.advance(1);
    world.type(ana, true);
    await world.clock.advance(200);
    expect(world.types()).toEqual(['chat_message', 'typing_start', 'typing_stop', 'typing_start']);
  });

  it('a typing_stop is not dropped because of its age', async () => {
    const world = setUp();
    world.type(ana, true);
    await world.clock.advance(200);
    // The stop was made by a machine whose clock is behind.
    world.type(ana, false, { skewMs: -5_000, asOf: '1-0' });
    expect(world.types()).toEqual(['typing_start', 'typing_stop']);
  });

  it('a message that was delivered before this gateway started ends typing, too', () => {
    const world = setUp();
    const earlier = world.type(bob, true);
    const fields = {
      event_id: randomUUID(),
      event_type: 'chat_message',
      timestamp: new Date(world.clock.wallMs()).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(messageOf(ana)),
    };
    const place = { epoch: 'epoch', cursor: '0-0' };
    world.dispatcher.warmUp('events:chat', { id: `${world.clock.wallMs()}-0`, fields }, () => place);
    world.type(ana, true, { asOf: earlier });
    expect(world.types()).toEqual(['typing_start']);
  });

  it('a flush sends the waiting typing event, and leaves no timer behind', () => {
    const world = setUp();
    world.type(ana, true);
    world.type(ana, false);
    world.dispatcher.flush();
    expect(world.types()).toEqual(['typing_start', 'typing_stop']);
    expect(world.clock.timerCount).toBe(0);
  });
});
