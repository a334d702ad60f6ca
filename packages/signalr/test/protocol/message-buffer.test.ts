/*
 * The message buffer of stateful reconnect. Sequence numbers are exact, and random disconnections neither lose nor duplicate
 * a message.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EncodedMessage } from '../../src/protocol/encoded-message.js';
import { type HubMessage, MessageType } from '../../src/protocol/hub-message.js';
import { MessageBuffer } from '../../src/protocol/message-buffer.js';

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

describe('sent messages', () => {
  test('messages are replayed from the oldest unacknowledged message on', () => {
    const buffer = new MessageBuffer(1_000);
    expect(buffer.replay()).toEqual({ sequenceId: 1, messages: [] });
    buffer.accept(sequence(1));
    for (const text of ['a', 'b', 'c', 'd']) buffer.sent(counted(text));
    buffer.accept(ack(2));
    const replay = buffer.replay();
    expect([replay.sequenceId, texts(replay.messages)]).toEqual([3, ['c', 'd']]);
    buffer.accept(sequence(1));
    buffer.sent(counted('e'));
    buffer.accept(ack(5));
    expect(buffer.replay()).toEqual({ sequenceId: 6, messages: [] });
  });

  test('a message about the connection itself, such as a ping, is not kept for a replay', () => {
    const buffer = new MessageBuffer(1_000);
    buffer.sent(new EncodedMessage(Buffer.from('ping'), 'text', false));
    expect(buffer.replay()).toEqual({ sequenceId: 1, messages: [] });
  });

  test('sent messages count toward the size limit of the buffer until they are acknowledged', () => {
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

  test('an acknowledgement with a number beyond the last sent message acknowledges all messages', () => {
    const buffer = new MessageBuffer(10);
    buffer.sent(counted('a'));
    expect(buffer.accept(ack(99))).toBe(false);
    buffer.sent(counted('b'));
    const replay = buffer.replay();
    expect([replay.sequenceId, texts(replay.messages)]).toEqual([2, ['b']]);
  });
});

describe('received messages', () => {
  test('messages are acknowledged once, and messages without a sequence number, such as pings, do not count', () => {
    const buffer = new MessageBuffer(10);
    expect(buffer.takeAck()).toBeUndefined();
    expect(buffer.accept(item(1))).toBe(true);
    expect(buffer.accept({ type: MessageType.ping })).toBe(true);
    expect(buffer.accept(item(2))).toBe(true);
    expect(buffer.takeAck()).toBe(2);
    expect(buffer.takeAck()).toBeUndefined();
  });

  test('a server drops everything that arrives on a new socket before the sequence message, then only repeats', () => {
    const buffer = new MessageBuffer(10);
    for (const n of [1, 2, 3]) buffer.accept(item(n));
    buffer.replay();
    expect(buffer.accept(item(0))).toBe(false);
    expect(buffer.accept({ type: MessageType.ping })).toBe(false);
    expect(buffer.accept(sequence(2))).toBe(false);
    expect([2, 3, 4].map((n) => buffer.accept(item(n)))).toEqual([false, false, true]);
    expect(buffer.takeAck()).toBe(4);
  });

  test('a client cannot resume with a sequence number beyond the received messages', () => {
    const buffer = new MessageBuffer(10);
    buffer.accept(item(1));
    expect(buffer.accept(sequence(2))).toBe(false);
    expect(() => buffer.accept(sequence(3))).toThrow(
      "Sequence ID greater than amount of messages we've received.",
    );
  });
});

describe('a client that breaks off in the middle of a replay', () => {
  test('a client that loses its socket during its own replay may resume from before the replay', () => {
    const buffer = new MessageBuffer(10);
    for (const n of [1, 2, 3]) buffer.accept(item(n));
    buffer.replay();
    buffer.accept(sequence(1));
    buffer.accept(item(1));
    buffer.replay();
    // The client has received the acknowledgement of all three messages over the socket that has just broken.
    expect(buffer.accept(sequence(4))).toBe(false);
    expect(buffer.accept(item(4))).toBe(true);
    expect(() => buffer.accept(sequence(6))).toThrow('Sequence ID greater');
  });

  test('a client that loses its socket during a replay of the server receives the same replay again', () => {
    const buffer = new MessageBuffer(1_000);
    for (const text of ['a', 'b', 'c']) buffer.sent(counted(text));
    expect(buffer.replay().sequenceId).toBe(1);
    buffer.accept(sequence(1));
    buffer.accept(ack(3));
    expect(buffer.isFull).toBe(false);
    const replay = buffer.replay();
    expect([replay.sequenceId, texts(replay.messages)]).toEqual([1, ['a', 'b', 'c']]);
    buffer.accept(sequence(1));
    buffer.sent(counted('d'));
    // The client has now counted all replayed messages and one newer message.
    buffer.accept(ack(4));
    expect(buffer.replay()).toEqual({ sequenceId: 5, messages: [] });
  });

  test('the server buffers at most twice the limit for a client that loses its socket during every replay', () => {
    const buffer = new MessageBuffer(100);
    for (let round = 1; round <= 50; round += 1) {
      for (let n = 0; n < 10; n += 1) buffer.sent(counted('x'.repeat(10)));
      const kept = buffer.replay().messages.reduce((sum, { payload }) => sum + payload.length, 0);
      expect(kept).toBeLessThanOrEqual(200);
      buffer.accept(sequence(1));
      buffer.accept(ack(round * 10));
    }
  });
});

test('a repeated message is acknowledged again, because the first acknowledgement may have been lost', () => {
  const buffer = new MessageBuffer(10);
  buffer.accept(item(1));
  buffer.accept(item(2));
  expect(buffer.takeAck()).toBe(2);
  buffer.replay();
  buffer.accept(sequence(1));
  buffer.accept(item(1));
  buffer.accept(item(2));
  expect(buffer.takeAck()).toBe(2);
  expect(buffer.takeAck()).toBeUndefined();
});

test('no message is lost, duplicated or reordered in either direction over any number of disconnections', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('server sends', 'client sends') },
    { weight: 4, arbitrary: fc.constantFrom('server receives', 'client receives') },
    { weight: 2, arbitrary: fc.constantFrom('server acks', 'client acks') },
    { weight: 1, arbitrary: fc.constant('break') },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const server = new Server();
      const client = new OfficialClient();
      for (const what of steps) {
        if (what === 'server sends') server.send(client);
        else if (what === 'client sends') client.send(server);
        else if (what === 'server receives') server.receive(1);
        else if (what === 'client receives') client.receive(1);
        else if (what === 'server acks') server.ack(client);
        else if (what === 'client acks') client.ack(server);
        else reconnect(server, client);
      }
      reconnect(server, client);
      server.receive(Number.POSITIVE_INFINITY);
      client.receive(Number.POSITIVE_INFINITY);
      expect(server.received).toEqual(Array.from({ length: client.sent }, (_, index) => index + 1));
      expect(client.received).toEqual(Array.from({ length: server.sent }, (_, index) => index + 1));
      // This acknowledgement of the server covers every message of the client.
      server.ack(client);
      client.receive(Number.POSITIVE_INFINITY);
      expect(client.unacked).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

/**
 * One end of the connection. `wire` contains the messages that are on their way to this end. They are lost when the
 * connection breaks.
 */
interface End {
  wire: HubMessage[];
}

class Server implements End {
  readonly buffer = new MessageBuffer(1_000_000);
  readonly received: number[] = [];
  sent = 0;
  wire: HubMessage[] = [];

  send(to: End): void {
    this.sent += 1;
    this.buffer.sent(counted(String(this.sent)));
    to.wire.push(item(this.sent));
  }

  ack(to: End): void {
    const sequenceId = this.buffer.takeAck();
    if (sequenceId !== undefined) to.wire.push(ack(sequenceId));
  }

  replay(): HubMessage[] {
    const { sequenceId, messages } = this.buffer.replay();
    return [sequence(sequenceId), ...texts(messages).map((text) => item(Number(text)))];
  }

  receive(count: number): void {
    for (const message of this.wire.splice(0, count)) {
      if (this.buffer.accept(message) && message.type === MessageType.streamItem)
        this.received.push(Number(message.item));
    }
  }
}

/**
 * Follows the rules of the official clients. Their replay may begin earlier than necessary. They refuse a sequence number
 * above their current count, even if the message with that number arrived before the disconnection. They acknowledge after a
 * delay, and a disconnection does not cancel this acknowledgement.
 */
class OfficialClient implements End {
  readonly received: number[] = [];
  sent = 0;
  wire: HubMessage[] = [];
  unacked: number[] = [];
  #next = 1;
  #latest = 0;
  #owesAck = false;
  #isAwaitingSequence = false;

  send(to: End): void {
    this.sent += 1;
    this.unacked.push(this.sent);
    to.wire.push(item(this.sent));
  }

  ack(to: End): void {
    if (this.#owesAck) to.wire.push(ack(this.#latest));
    this.#owesAck = false;
  }

  replay(): HubMessage[] {
    this.#isAwaitingSequence = true;
    return [sequence(this.unacked[0] ?? this.sent + 1), ...this.unacked.map(item)];
  }

  receive(count: number): void {
    for (const message of this.wire.splice(0, count)) {
      if (message.type === MessageType.sequence) this.#goTo(message.sequenceId);
      else if (this.#isAwaitingSequence) continue;
      else if (message.type === MessageType.ack)
        this.unacked = this.unacked.filter((id) => id > message.sequenceId);
      else if (message.type === MessageType.streamItem) this.#take(Number(message.item));
    }
  }

  #goTo(sequenceId: number): void {
    this.#isAwaitingSequence = false;
    if (sequenceId > this.#next)
      throw new Error(`told to continue at ${sequenceId}, has counted to ${this.#next}`);
    this.#next = sequenceId;
  }

  #take(value: number): void {
    const id = this.#next;
    this.#next += 1;
    if (id >= this.#latest) this.#owesAck = true;
    if (id <= this.#latest) return;
    this.#latest = id;
    this.received.push(value);
  }
}

function reconnect(server: Server, client: OfficialClient): void {
  [client.wire, server.wire] = [server.replay(), client.replay()];
}
