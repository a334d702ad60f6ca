/*
 * The outbound queue of one connection: order, limits, and replacement of messages with the same key.
 */
import { describe, expect, test } from 'vitest';
import { type OutboundLimits, OutboundQueue } from '../../src/connection/outbound-queue.js';
import { EncodedMessage } from '../../src/protocol/encoded-message.js';
import type { Transport } from '../../src/transports/transport.js';

/** A transport that has room until the test sets `hasRoom` to false. */
class FakeTransport implements Transport {
  readonly name = 'WebSockets' as const;
  readonly formats = ['text'] as const;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly bufferedBytes = 0;
  readonly written: string[] = [];
  hasRoom = true;

  start(): void {}
  write(message: EncodedMessage): boolean {
    this.written.push(message.payload.toString());
    return this.hasRoom;
  }
  pauseReading(): void {}
  resumeReading(): void {}
  close(): void {}
  abort(): void {}
}

describe('the outbound queue', () => {
  const message = (text: string): EncodedMessage => new EncodedMessage(Buffer.from(text), 'text');
  const createQueue = (transport: Transport, limits: OutboundLimits, onCrowded = () => {}): OutboundQueue =>
    new OutboundQueue(transport, limits, { onCrowded });

  test.each([
    ['bytes', { maximumOutboundBytes: 12, maximumOutboundMessages: 100 }],
    ['messages', { maximumOutboundBytes: 100, maximumOutboundMessages: 6 }],
  ])('the queue reports once that half of its limit in %s is used, until it has been empty', (_, limits) => {
    const transport = new FakeTransport();
    const told: string[] = [];
    const queue = createQueue(transport, limits, () => told.push(transport.written.at(-1) ?? ''));
    for (const round of ['first', 'second']) {
      transport.hasRoom = false;
      queue.offer(message(round));
      for (let index = 0; index < 3; index += 1) queue.offer(message('ab'));
      expect(told.at(-1)).not.toBe(round);
      queue.offer(message('ab'));
      queue.offer(message('a'));
      expect(told.at(-1)).toBe(round);
      // Only a part of the queue was sent. The queue has not been empty, so it must not report again.
      queue.onWritable();
      queue.offer(message('ab'));
      transport.hasRoom = true;
      queue.onWritable();
    }
    expect(told).toEqual(['first', 'second']);
  });

  test('the queue keeps the order of messages when the transport blocks and later has room again', () => {
    const transport = new FakeTransport();
    const queue = createQueue(transport, { maximumOutboundBytes: 100, maximumOutboundMessages: 10 });
    queue.offer(message('1'));
    transport.hasRoom = false;
    for (const text of ['2', '3', '4', '5']) queue.offer(message(text));
    expect(transport.written).toEqual(['1', '2']);
    queue.onWritable();
    expect(transport.written).toEqual(['1', '2', '3']);
    transport.hasRoom = true;
    queue.onWritable();
    queue.offer(message('6'));
    expect(transport.written).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('the queue keeps only the newest message of each key, and sends it after all older messages', () => {
    const transport = new FakeTransport();
    transport.hasRoom = false;
    const queue = createQueue(transport, { maximumOutboundBytes: 12, maximumOutboundMessages: 3 });
    queue.offer(message('out'), 'a');
    expect(queue.offer(message('a1'), 'a')).toBe('taken');
    expect(queue.offer(message('x'))).toBe('taken');
    for (let round = 2; round < 9; round += 1)
      expect(queue.offer(message(`a${round}`), 'a')).toBe('replaced');
    expect(queue.offer(message('b1'), 'b')).toBe('taken');
    expect(queue.offer(message('c1'), 'c')).toBe('overflow');
    // A message that is too large to replace an older one leaves the older one in the queue.
    expect(queue.offer(message('a: more than the bound'), 'a')).toBe('overflow');
    transport.hasRoom = true;
    queue.onWritable();
    expect(transport.written).toEqual(['out', 'x', 'a8', 'b1']);
    queue.offer(message('a9'), 'a');
    expect(transport.written.at(-1)).toBe('a9');
  });

  test('the queue refuses messages beyond its limits of bytes and of messages', () => {
    const transport = new FakeTransport();
    transport.hasRoom = false;
    const queue = createQueue(transport, { maximumOutboundBytes: 10, maximumOutboundMessages: 3 });
    expect(queue.offer(message('a message larger than the bound goes out when nothing waits'))).toBe('taken');
    expect(queue.offer(message('12345678901'))).toBe('overflow');
    expect(queue.offer(message('1234567890'))).toBe('taken');
    expect(queue.offer(message('1'))).toBe('overflow');
    queue.discard();
    for (const text of ['1', '2', '3']) expect(queue.offer(message(text))).toBe('taken');
    expect(queue.offer(message('4'))).toBe('overflow');
  });

  test('an emptied queue accepts messages up to its full limits again', () => {
    const transport = new FakeTransport();
    const queue = createQueue(transport, { maximumOutboundBytes: 10, maximumOutboundMessages: 3 });
    for (let round = 0; round < 5; round += 1) {
      transport.hasRoom = false;
      queue.offer(message('blocks'));
      expect(queue.offer(message('12345'))).toBe('taken');
      expect(queue.offer(message('12345'))).toBe('taken');
      expect(queue.offer(message('1'))).toBe('overflow');
      transport.hasRoom = true;
      queue.onWritable();
    }
    expect(transport.written).toHaveLength(15);
  });

  test('the queue calls the callback of whenEmpty() once, when it is empty', () => {
    const transport = new FakeTransport();
    transport.hasRoom = false;
    const queue = createQueue(transport, { maximumOutboundBytes: 100, maximumOutboundMessages: 10 });
    queue.offer(message('1'));
    queue.offer(message('2'));
    queue.offerLast(message('last'));
    let calls = 0;
    queue.whenEmpty(() => {
      calls += 1;
    });
    expect(calls).toBe(0);
    transport.hasRoom = true;
    queue.onWritable();
    expect(transport.written).toEqual(['1', '2', 'last']);
    expect(calls).toBe(1);
  });
});
