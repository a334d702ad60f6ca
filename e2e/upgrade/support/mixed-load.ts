// Publishes at a steady rate in four ways: with the publishers of both builds, over HTTP, and by plain XADD. Records every
// confirmation.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { PublishRecord } from '../../faults/support/oracle.js';
import {
  chatMessage,
  notification,
  readReceipt,
  type SampleEvent,
  sampleEvent,
  streamOfType,
} from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { entryFields } from '../../fixtures/redis/plain-redis.js';
import type { TestPublisher } from '../../fixtures/systems/delivery-system.js';

/** The ways to publish events. */
export interface WaysIn {
  /** Publishers of both builds. */
  readonly publishers: readonly TestPublisher[];
  /** Appends an entry and returns its ID. */
  xAdd(stream: string, fields: Readonly<Record<string, string>>): Promise<string>;
  /** Returns the URL of a gateway that accepts events over HTTP. */
  chooseUrl(): string;
}

/** The result of the load. */
export interface MixedLoadResult {
  readonly confirmed: readonly PublishRecord[];
  /** The IDs of events that were not confirmed in time. They may or may not be in the stream. */
  readonly unconfirmed: ReadonlySet<string>;
  /** Message IDs of the receipts that publishers accepted. */
  readonly receipts: readonly string[];
}

const tickMs = 20;
const maxPending = 50;
const tryForMs = 30_000;
/** Users whose receipts are coalesced. They are few, so that both builds put receipts into the same window. */
const readers = Array.from({ length: 4 }, () => randomUUID());

/** A load of events that both builds accept. The ways take turns. */
export class MixedLoad {
  readonly #ways: WaysIn;
  readonly #rooms: readonly string[];
  readonly #confirmed: PublishRecord[] = [];
  readonly #unconfirmed = new Set<string>();
  readonly #receipts: string[] = [];
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(ways: WaysIn, rooms: readonly string[], eventsPerSecond: number) {
    this.#ways = ways;
    this.#rooms = rooms;
    this.#running = this.#run(eventsPerSecond);
  }

  /** Stops the load. Resolves when every event is confirmed or given up. */
  async stop(): Promise<MixedLoadResult> {
    this.#isStopping = true;
    await this.#running;
    return { confirmed: this.#confirmed, unconfirmed: this.#unconfirmed, receipts: this.#receipts };
  }

  async #run(eventsPerSecond: number): Promise<void> {
    const pending = new Set<Promise<void>>();
    const start = (work: Promise<void>): void => {
      pending.add(work);
      void work.finally(() => pending.delete(work));
    };
    let sent = 0;
    for (let atMs = performance.now(); !this.#isStopping; ) {
      // This pause sets the rate of the load. A slow machine gets fewer events instead of a growing queue.
      await pause(tickMs);
      const nowMs = performance.now();
      const due = Math.ceil(((nowMs - atMs) / 1_000) * eventsPerSecond);
      atMs = nowMs;
      for (const end = sent + Math.min(due, maxPending - pending.size); sent < end; sent += 1) {
        start(this.#publish(sent));
        if (sent % 5 === 0) start(this.#receipt(sent));
      }
    }
    await Promise.all(pending);
  }

  async #publish(number: number): Promise<void> {
    const event = eventOf(number, this.#roomOf(number));
    const startedAtMs = performance.now();
    const entryId = await untilConfirmed(startedAtMs, () => this.#send(number, event));
    if (entryId === undefined) this.#unconfirmed.add(event.event_id);
    else
      this.#confirmed.push({
        eventId: event.event_id,
        roomId: event.room_id,
        stream: streamOfType[event.event_type],
        entryId,
        startedAtMs,
        confirmedAtMs: performance.now(),
      });
  }

  /** Sends an event in the way whose turn it is. @returns the ID of the entry */
  #send(number: number, event: SampleEvent): Promise<string> {
    const { publishers, chooseUrl } = this.#ways;
    const way = number % (publishers.length + 2);
    const publisher = publishers[way];
    if (publisher !== undefined) return publishWith(publisher, event);
    if (way === publishers.length) return post(chooseUrl(), event);
    return this.#ways.xAdd(streamOfType[event.event_type], entryFields(event));
  }

  async #receipt(number: number): Promise<void> {
    const messageId = randomUUID();
    const reader = readers[number % readers.length] ?? '';
    const event = readReceipt(this.#roomOf(number % 2), reader, [messageId]);
    const publisher = this.#ways.publishers[(number / 5) % this.#ways.publishers.length];
    const isAccepted = await untilConfirmed(performance.now(), async () => {
      await publisher?.publishEvents([event]);
      return messageId;
    });
    if (isAccepted !== undefined) this.#receipts.push(messageId);
  }

  #roomOf(number: number): string {
    return this.#rooms[number % this.#rooms.length] ?? '';
  }
}

/** Returns a chat message for three of four numbers, and an event of another stream for every fourth number. */
function eventOf(number: number, roomId: string): SampleEvent {
  const content = `number ${number}`;
  if (number % 8 === 3) return notification(roomId, content);
  if (number % 8 === 6)
    return sampleEvent(roomId, 'status_change', {
      request_id: randomUUID(),
      old_status: 'open',
      new_status: 'closed',
      changed_by: randomUUID(),
      changed_at: new Date().toISOString(),
    });
  return chatMessage(roomId, content);
}

/** Retries with the same event ID, because a gateway that is being replaced refuses connections for a moment. */
async function untilConfirmed(
  startedAtMs: number,
  attempt: () => Promise<string>,
): Promise<string | undefined> {
  while (performance.now() - startedAtMs < tryForMs) {
    try {
      return await attempt();
    } catch {
      await pause(100 + Math.random() * 200);
    }
  }
  return undefined;
}

async function publishWith(publisher: TestPublisher, event: SampleEvent): Promise<string> {
  const [result] = (await publisher.publishEvents([event])) as { readonly entryId: string }[];
  if (result === undefined) throw new Error('the publisher told of no event');
  return result.entryId;
}

async function post(url: string, event: SampleEvent): Promise<string> {
  const { status, body } = await postEvents(url, event);
  // The cast is safe: the condition below checks the shape of the body.
  const { entry_id } = (body ?? {}) as { readonly entry_id?: unknown };
  if (status >= 300 || typeof entry_id !== 'string') throw new Error(`answered ${status}`);
  return entry_id;
}
