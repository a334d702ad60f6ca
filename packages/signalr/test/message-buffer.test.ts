/*
 * The bookkeeping of stateful reconnect: exact numbers, and a link that breaks anywhere while nothing is lost or doubled.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageBuffer } from '../src/connection/message-buffer.js';
import { EncodedMessage } from '../src/protocol/encoded-message.js';
import { type HubMessage, MessageType } from '../src/protocol/hub-message.js';

const counted = (text: string): EncodedMessage => new EncodedMessage(Buffer.from(text), 'text', true);
const texts = (messages: readonly EncodedMessage[]): string[] =>
  messages.map(({ payload }) => payload.toString());
const item = (value: unknown): HubMessage => ({
  type: MessageType.streamItem,
  invocationId: '1',
  item: value,
});
const ack = (sequenceId: number): HubMessage => ({ type: MessageType.ack, sequenceId });
const sequence = (sequenceId: number): HubMessage => ({ type: MessageType.sequence, sequenceId });

describe('what was sent', () => {
  test('is replayed from the oldest that was not acknowledged', () => {
    const buffer = new MessageBuffer(1_000);
    expect(buffer.replay()).toEqual({ sequenceId: 1, messages: [] });
    buffer.accept(sequence(1));
    for (const text of ['a', 'b', 'c', 'd']) buffer.sent(counted(text));
    buffer.accept(ack(2));
    const replay = buffer.replay();
    expect([replay.sequenceId, texts(replay.messages)]).toEqual([3, ['c', 'd']]);
    buffer.accept(sequence(1));
    buffer.accept(ack(4));
    expect(buffer.replay()).toEqual({ sequenceId: 5, messages: [] });
  });

  test('is not kept when it serves the connection alone', () => {
    const buffer = new MessageBuffer(1_000);
    buffer.sent(new EncodedMessage(Buffer.from('ping'), 'text', false));
    expect(buffer.replay()).toEqual({ sequenceId: 1, messages: [] });
  });

  test('fills the buffer by its bytes, until it is acknowledged', () => {
    const buffer = new MessageBuffer(10);
    buffer.sent(counted('x'.repeat(10)));
    expect(buffer.isFull).toBe(false);
    buffer.sent(counted('y'));
    expect(buffer.isFull).toBe(true);
    buffer.accept(ack(0));
    expect(buffer.isFull).toBe(true);
    buffer.accept(ack(1));
    expect(buffer.isFull).toBe(false);
    buffer.accept(ack(1));
    expect(texts(buffer.replay().messages)).toEqual(['y']);
  });

  test('is all acknowledged by a number beyond it', () => {
    const buffer = new MessageBuffer(10);
    buffer.sent(counted('a'));
    expect(buffer.accept(ack(99))).toBe(false);
    buffer.sent(counted('b'));
    const replay = buffer.replay();
    expect([replay.sequenceId, texts(replay.messages)]).toEqual([2, ['b']]);
  });
});

describe('what is received', () => {
  test('is acknowledged once, and only what counts', () => {
    const buffer = new MessageBuffer(10);
    expect(buffer.takeAck()).toBeUndefined();
    expect(buffer.accept(item(1))).toBe(true);
    expect(buffer.accept({ type: MessageType.ping })).toBe(true);
    expect(buffer.accept(item(2))).toBe(true);
    expect(buffer.takeAck()).toBe(2);
    expect(buffer.takeAck()).toBeUndefined();
  });

  test('is dropped after a break until the client says where it goes on, and then when it was seen before', () => {
    const buffer = new MessageBuffer(10);
    for (const n of [1, 2, 3]) buffer.accept(item(n));
    buffer.replay();
    expect(buffer.accept(item(0))).toBe(false);
    expect(buffer.accept({ type: MessageType.ping })).toBe(false);
    expect(buffer.accept(sequence(2))).toBe(false);
    expect([2, 3, 4].map((n) => buffer.accept(item(n)))).toEqual([false, false, true]);
    expect(buffer.takeAck()).toBe(4);
  });

  test('cannot go on beyond what was received', () => {
    const buffer = new MessageBuffer(10);
    buffer.accept(item(1));
    expect(buffer.accept(sequence(2))).toBe(false);
    expect(() => buffer.accept(sequence(3))).toThrow(
      "Sequence ID greater than amount of messages we've received.",
    );
  });
});

test('over any number of breaks at any place nothing is lost, doubled or disordered, in either direction', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('a sends', 'b sends') },
    { weight: 4, arbitrary: fc.constantFrom('a receives', 'b receives') },
    { weight: 2, arbitrary: fc.constantFrom('a acks', 'b acks') },
    { weight: 1, arbitrary: fc.constant('break') },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const a = new Side();
      const b = new Side();
      for (const what of steps) {
        if (what === 'a sends') a.send(b);
        else if (what === 'b sends') b.send(a);
        else if (what === 'a receives') a.receive(1);
        else if (what === 'b receives') b.receive(1);
        else if (what === 'a acks') a.ack(b);
        else if (what === 'b acks') b.ack(a);
        else reconnect(a, b);
      }
      reconnect(a, b);
      a.receive(Number.POSITIVE_INFINITY);
      b.receive(Number.POSITIVE_INFINITY);
      expect(a.received).toEqual(Array.from({ length: b.sent }, (_, index) => index + 1));
      expect(b.received).toEqual(Array.from({ length: a.sent }, (_, index) => index + 1));
    }),
    { numRuns: 500 },
  );
});

/** One end of a link whose wire loses everything that is on it when it breaks. */
class Side {
  readonly buffer = new MessageBuffer(1_000_000);
  readonly received: number[] = [];
  sent = 0;
  wire: HubMessage[] = [];

  send(to: Side): void {
    this.sent += 1;
    this.buffer.sent(counted(String(this.sent)));
    to.wire.push(item(this.sent));
  }

  ack(to: Side): void {
    const sequenceId = this.buffer.takeAck();
    if (sequenceId !== undefined) to.wire.push(ack(sequenceId));
  }

  receive(count: number): void {
    for (let left = count; left > 0 && this.wire.length > 0; left -= 1) {
      const message = this.wire.shift();
      if (message === undefined || !this.buffer.accept(message)) continue;
      if (message.type === MessageType.streamItem) this.received.push(Number(message.item));
    }
  }
}

function reconnect(a: Side, b: Side): void {
  const replays = [a.buffer.replay(), b.buffer.replay()] as const;
  const wireOf = (replay: (typeof replays)[number]): HubMessage[] => [
    sequence(replay.sequenceId),
    ...texts(replay.messages).map((text) => item(Number(text))),
  ];
  b.wire = wireOf(replays[0]);
  a.wire = wireOf(replays[1]);
}
