// A publish queue over the broker in memory, on a fake clock.
import { type Broker, BrokerError, createMemoryBroker } from '@millrace/broker';
import type { Lane } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { vi } from 'vitest';
import { PublishQueue, type PublishQueueDependencies } from '../../src/queue/publish-queue.js';
import type { OutgoingEvent } from '../../src/queue/queued-event.js';

export const streams = [
  { name: 'events:chat', maxLength: 1_000 },
  { name: 'events:ticket', maxLength: 1_000 },
];

interface NewEvent extends Partial<Omit<OutgoingEvent, 'stored' | 'failed'>> {
  readonly eventId: string;
}

/** Puts an event into the queue. Settles with the event's outcome. */
export function putInto(queue: PublishQueue, event: NewEvent): Promise<void> {
  const { eventId } = event;
  return new Promise((resolve, reject) => {
    queue.put({
      lane: 'high',
      stream: 'events:chat',
      fields: { n: eventId },
      isTriedOnce: false,
      isNew: true,
      ...event,
      stored: () => resolve(),
      failed: reject,
    });
  });
}

export async function setUp(options: Partial<PublishQueueDependencies> = {}) {
  const clock = fakeClock();
  const broker = createMemoryBroker({ streams, publishBatchSize: 8, clock });
  await broker.open();
  const queue = new PublishQueue({
    broker,
    clock,
    maxEvents: 100,
    maxChars: 10_000,
    maxWaitMs: 5_000,
    ...options,
  });
  const results: Record<string, string> = {};
  const put = (eventId: string, lane: Lane = 'high', stream = 'events:chat', isTriedOnce = false): void => {
    putInto(queue, { eventId, lane, stream, dedupeId: eventId, isTriedOnce }).then(
      () => {
        results[eventId] = 'stored';
      },
      (error: { code: string; outcome?: string }) => {
        results[eventId] = `${error.code} ${error.outcome ?? ''}`.trim();
      },
    );
  };
  const stored = async (stream = 'events:chat'): Promise<string> =>
    (await broker.readRange(stream, { count: 1_000 })).map(({ fields }) => fields['n']).join(' ');
  return { clock, broker, queue, put, stored, results };
}

/** Makes the broker fail. With `isStored`, the entries are stored, but their reply is lost. */
export function breakBroker(
  broker: Broker,
  error = new BrokerError('unavailable', 'away'),
  isStored = false,
) {
  const append = broker.append.bind(broker);
  return vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
    if (isStored) await append(stream, entries);
    throw error;
  });
}
