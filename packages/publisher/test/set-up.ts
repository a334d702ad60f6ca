// A publisher over the broker in memory, on a fake clock, with records of its outcomes.
import { createMemoryBroker } from '@millrace/broker';
import { type eventCatalog as BuiltIn, eventCatalog, type StreamEvent } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { createPublisher, type PublisherOptions } from '../src/index.js';

export interface Drop {
  readonly reason: string;
  readonly count: number;
}

export async function setUp(options: Partial<PublisherOptions<typeof BuiltIn>> = {}) {
  const clock = fakeClock();
  const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
  await broker.open();
  const stored: StreamEvent[] = [];
  const coalesced: StreamEvent[] = [];
  const dropped: Drop[] = [];
  const publisher = createPublisher({
    broker,
    catalog: eventCatalog,
    clock,
    sourceInstance: 'test-1',
    observer: {
      stored: (event) => stored.push(event),
      coalesced: (event) => coalesced.push(event),
      dropped: ({ reason, count }) => dropped.push({ reason, count }),
    },
    ...options,
  });
  return {
    clock,
    broker,
    publisher,
    stored,
    coalesced,
    dropped,
    /** Returns the fields of every entry in a stream, oldest first. */
    async entries(stream: string) {
      const entries = await broker.readRange(stream, { count: 1_000 });
      return entries.map(({ fields }) => fields);
    },
    /** Returns every entry in a stream as an event, oldest first. */
    async events(stream: string) {
      const entries = await broker.readRange(stream, { count: 1_000 });
      return entries.map(({ fields }) => {
        const parsed = eventCatalog.parseEntry(fields);
        if (!parsed.ok)
          throw new Error(`the publisher wrote an invalid entry: ${JSON.stringify(parsed.issues)}`);
        return parsed.value.event;
      });
    },
    async [Symbol.asyncDispose]() {
      await broker.close();
    },
  };
}

export const ana = '6b0f3c1e-0d8e-4d5b-9f6c-0c8f1f3d2a10';
export const bob = '0f5a2b47-6a55-4be0-8a4e-7a0a8f4f1c22';

export function typing<IsTyping extends boolean>(user_id: string, is_typing: IsTyping) {
  return { user_id, username: user_id === ana ? 'Ana' : 'Bob', is_typing };
}

export function chat(sender_id: string | null, content = 'Hello') {
  return {
    id: 'a3a5a6c2-3a24-4a6d-8b59-0a8b5a1e7c11',
    request_id: 'b3a5a6c2-3a24-4a6d-8b59-0a8b5a1e7c12',
    sender_id,
    content,
    sequence_number: 1,
    is_screenshot: false,
    created_at: '2026-01-16T10:00:00Z',
  };
}
