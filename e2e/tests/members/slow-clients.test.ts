// A user is removed from a room while a connection of this user does not read, on a gateway that did not carry out the removal. What
// came before the removal arrives in order, and nothing from behind it.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { SlowClient } from '../../fixtures/clients/slow-client.js';
import { StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, idsOf, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { addMember, memberKey, removeMember } from '../../fixtures/http/members.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { MemberGateways } from '../../fixtures/systems/member-gateways.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** So few messages fill the queue of a connection whose socket is full. */
const system = sharedSystem(() => MemberGateways.start(2, { maxOutboundMessages: 12 }));
const first = (): string => system().urls[0] ?? '';
const second = (): string => system().urls[1] ?? '';

/** More bytes than the kernel buffers for one connection, in events of 40 kB. */
const manyEvents = 200;

/** A room on the second gateway with a witness. Events and removals come through the first gateway. */
class SlowRoom implements AsyncDisposable {
  readonly roomId = randomUUID();
  readonly userId = randomUUID();
  readonly published: string[] = [];
  readonly #witness: EventLog;

  private constructor(witness: EventLog) {
    this.#witness = witness;
  }

  static async open(): Promise<SlowRoom> {
    const token = await signToken({ sub: randomUUID(), rooms: ['*'] });
    const room = new SlowRoom(await EventLog.connect(second(), { token }));
    await room.#witness.join(room.roomId);
    return room;
  }

  async token(): Promise<string> {
    return signToken({ sub: this.userId, name: 'slow', rooms: ['*'] });
  }

  /** Publishes large events. Resolves when the second gateway has delivered them. */
  async publish(count: number): Promise<readonly string[]> {
    const text = 'x'.repeat(40_000);
    const events = Array.from({ length: count }, () => chatMessage(this.roomId, text));
    for (let from = 0; from < count; from += 20)
      await acceptEvents(first(), events.slice(from, from + 20), { key: memberKey });
    const ids = idsOf(events);
    await this.#witness.event(({ event_id }) => event_id === ids.at(-1));
    this.published.push(...ids);
    return ids;
  }

  /** Publishes until the second gateway counts an event that it did not send to a connection that lags in the room. */
  async publishUntilLagging(): Promise<void> {
    await eventually(async () => {
      await this.publish(20);
      await this.expectLagging();
    });
  }

  /** @throws Error if no connection lags in the room of the second gateway */
  async expectLagging(): Promise<void> {
    const count = (): Promise<number> =>
      readMetric(second(), 'events_dropped_total', { reason: 'lagging_client' });
    const before = await count();
    const somebody = randomUUID();
    await acceptEvents(first(), typing(this.roomId, somebody, true), { key: memberKey });
    await this.#witness.event(({ payload }) => payload['user_id'] === somebody);
    expect(await count()).toBeGreaterThan(before);
  }

  remove(): Promise<unknown> {
    return removeMember(first(), this.roomId, this.userId);
  }

  add(): Promise<unknown> {
    return addMember(first(), this.roomId, this.userId);
  }

  /** The users who are in the room, as the witness sees them. */
  async members(): Promise<readonly string[]> {
    const answer = await this.#witness.connection.invoke<{
      readonly members: { readonly user_id: string }[];
    }>('GetMembers', this.roomId);
    return answer.members.map(({ user_id }) => user_id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#witness[Symbol.asyncDispose]();
  }
}

const largeIds = (events: readonly { readonly event_type: string; readonly event_id: string }[]) =>
  events.filter(({ event_type }) => event_type === 'chat_message').map(({ event_id }) => event_id);

describe('a client that does not read', () => {
  test('a client that was removed while it lagged reads what came before, then the removal, and can call nothing', async () => {
    await using room = await SlowRoom.open();
    const { roomId, userId } = room;
    await using slow = await SlowClient.connect(second(), await room.token());
    await slow.join(roomId);
    await eventually(async () => expect(await room.members()).toContain(userId));
    slow.stopReading();
    await room.publishUntilLagging();
    const before = [...room.published];
    await room.remove();
    const behind = await room.publish(40);
    // The connection has not read the removal yet, but the user is no longer a member for anybody.
    await eventually(async () => expect(await room.members()).not.toContain(userId));
    const calls = [
      slow.call('SetPresence', roomId, 'still here'),
      slow.call('WatchMembers', roomId),
      slow.call('GetMembers', roomId),
      slow.call('SendTyping', roomId, true),
    ];
    const answers = Promise.allSettled(calls);
    slow.resumeReading();
    expect(await slow.message('removed')).toEqual({ room_id: roomId, reason: 'removed' });
    for (const answer of await answers)
      expect(String((answer as PromiseRejectedResult).reason)).toContain('You were removed from this room');
    // The answer to this call comes after everything that the gateway had to send.
    await expect(slow.join(roomId)).rejects.toThrow('You were removed from this room');
    expect(largeIds(slow.events)).toEqual(before);
    expect(slow.events.filter(({ event_id }) => behind.includes(event_id))).toEqual([]);
    expect(slow.messages.some(({ target }) => target === 'presence')).toBe(false);
  });

  test('a client that was removed in the middle of its catch-up reads only what came before', async () => {
    await using room = await SlowRoom.open();
    await using slow = await SlowClient.connect(second(), await room.token());
    await slow.join(room.roomId);
    slow.stopReading();
    await room.publishUntilLagging();
    const [missed] = await room.publish(manyEvents);
    slow.resumeReading();
    // This event was not sent while the client lagged, so it comes from the catch-up.
    await slow.event(({ event_id }) => event_id === missed);
    slow.stopReading();
    await room.expectLagging();
    const before = [...room.published];
    await room.remove();
    await room.publish(40);
    slow.resumeReading();
    await slow.message('removed');
    await expect(slow.join(room.roomId)).rejects.toThrow('You were removed from this room');
    expect(largeIds(slow.events)).toEqual(before);
  });

  test('a client that was removed and added again while it lagged is told so, and recovers nothing from in between', async () => {
    await using room = await SlowRoom.open();
    await using slow = await SlowClient.connect(second(), await room.token());
    await slow.join(room.roomId);
    slow.stopReading();
    await room.publishUntilLagging();
    const before = [...room.published];
    await room.remove();
    const between = await room.publish(20);
    await room.add();
    const after = await room.publish(20);
    slow.resumeReading();
    await slow.message('removed');
    expect(largeIds(slow.events)).toEqual(before);
    const { position } = slow.events.at(-1) ?? {};
    expect(await slow.join(room.roomId, position)).toMatchObject({ recovered: false });
    const [last] = await room.publish(1);
    await slow.event(({ event_id }) => event_id === last);
    const unexpected = new Set([...between, ...after]);
    expect(slow.events.filter(({ event_id }) => unexpected.has(event_id))).toEqual([]);
  });
});

test('an event stream whose user was removed while it lagged ends with the removal, after everything from before', async () => {
  await using room = await SlowRoom.open();
  const headers = { authorization: `Bearer ${await room.token()}` };
  await using slow = await StreamReader.open(second(), room.roomId, { headers });
  await slow.joined();
  slow.stopReading();
  await room.publishUntilLagging();
  const before = [...room.published];
  await room.remove();
  await room.publish(40);
  slow.resumeReading();
  await slow.ended();
  expect(slow.messages.at(-1)?.event).toBe('removed');
  expect(largeIds(slow.events)).toEqual(before);
});
