// Publishes at a steady rate into many rooms, and records every confirmation. Retries a failed publish with the same event
// ID.
import { setTimeout as pause } from 'node:timers/promises';
import { PublisherError } from '@millrace/publisher';
import {
  chatMessage,
  notification,
  type SampleEvent,
  sampleEvent,
  streamOfType,
} from '../../fixtures/events/sample-events.js';
import type { TestPublisher } from '../../fixtures/systems/delivery-system.js';
import type { PublishRecord } from './oracle.js';

/** The events to publish. */
export interface Load {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly rooms: readonly string[];
  /** Length of each event's text, which begins with the number of the event. @defaultValue 0 */
  readonly contentLength?: number;
  /** Ends the load early. Unconfirmed events are given up. */
  readonly signal?: AbortSignal;
}

/** The result of the load. */
export interface Published {
  readonly confirmed: readonly PublishRecord[];
  /** The IDs of events that were not confirmed in time. They may or may not be in the stream. */
  readonly unconfirmed: ReadonlySet<string>;
}

const tickMs = 10;
// A limit of the trial, not of the product. Events that were refused for overload need many attempts on a busy machine.
const tryForMs = 240_000;

/** Returns a chat message for three of four numbers, and an event of another stream for every fourth number. */
function eventOf(number: number, roomId: string, contentLength: number): SampleEvent {
  const content = `number ${number}`.padEnd(contentLength, '.');
  if (number % 8 === 3) return notification(roomId, content);
  if (number % 8 === 6)
    return sampleEvent(roomId, 'status_change', {
      request_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
      old_status: 'open',
      new_status: 'closed',
      changed_by: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
      changed_at: new Date().toISOString(),
    });
  return chatMessage(roomId, content);
}

/** Publishes all events. Resolves when every event is confirmed or given up. */
export async function publishSteadily(publisher: TestPublisher, load: Load): Promise<Published> {
  const confirmed: PublishRecord[] = [];
  const unconfirmed = new Set<string>();
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  for (let sent = 0; sent < load.events && load.signal?.aborted !== true; ) {
    const due = Math.min(
      load.events,
      Math.ceil(((performance.now() - startMs) / 1_000) * load.eventsPerSecond),
    );
    for (; sent < due; sent += 1) {
      const event = eventOf(sent, load.rooms[sent % load.rooms.length] ?? '', load.contentLength ?? 0);
      pending.push(
        publishUntilConfirmed(publisher, event, load.signal).then((record) => {
          if (record === undefined) unconfirmed.add(event.event_id);
          else confirmed.push(record);
        }),
      );
    }
    // Waits until more events are due.
    await pause(tickMs);
  }
  await Promise.all(pending);
  return { confirmed, unconfirmed };
}

async function publishUntilConfirmed(
  publisher: TestPublisher,
  event: SampleEvent,
  signal?: AbortSignal,
): Promise<PublishRecord | undefined> {
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < tryForMs) {
    if (signal?.aborted === true) break;
    try {
      const [result] = (await publisher.publishEvents([event])) as { readonly entryId: string }[];
      return {
        eventId: event.event_id,
        roomId: event.room_id,
        stream: streamOfType[event.event_type],
        entryId: result?.entryId ?? '',
        startedAtMs,
        confirmedAtMs: performance.now(),
      };
    } catch (error) {
      if (!(error instanceof PublisherError)) throw error;
      // Waits before the next attempt. An immediate retry would add to the overload.
      const waitMs = error.code === 'outbox_full' ? (error.retryAfterMs ?? 0) : 100;
      await pause(waitMs + Math.random() * 200);
    }
  }
  return undefined;
}
