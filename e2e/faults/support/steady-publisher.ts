// Publishes at a steady pace into many rooms and notes every confirmation. What fails is tried again with the same ID.
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

/** How much is published. */
export interface Load {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly rooms: readonly string[];
  /** Length of the text of each event; its number stands in front. @defaultValue 0 */
  readonly contentLength?: number;
  /** Ends it early; what waits for its confirmation is given up. */
  readonly signal?: AbortSignal;
}

/** The result of the load. */
export interface Published {
  readonly confirmed: readonly PublishRecord[];
  /** Never confirmed within the time for tries; may be in the stream or not. */
  readonly unconfirmed: ReadonlySet<string>;
}

const tickMs = 10;
// A limit of the trial, not of the product: on a busy machine events refused for overload take their time to get through.
const tryForMs = 240_000;

/** Three of four are chat messages; the others go through two more streams. */
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

/** Publishes all of it. Resolves when every event was confirmed or given up. */
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
    // The pace of the load, not a wait for anything.
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
      // As a caller should: who is refused for overload and tries again at once makes more of it.
      const waitMs = error.code === 'outbox_full' ? (error.retryAfterMs ?? 0) : 100;
      await pause(waitMs + Math.random() * 200);
    }
  }
  return undefined;
}
