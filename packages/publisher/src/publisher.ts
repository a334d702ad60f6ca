// Publishes typed events: stamp → validate → coalesce → broker. Backends use the publisher directly. The gateway uses it for events
// that arrive over HTTP and from clients.
import type { EntryId } from '@millrace/broker';
import {
  type AnyCatalog,
  AS_OF_FIELD,
  type EventOf,
  type EventTypeDeclaration,
  type EventTypeName,
  type PayloadOf,
  type ReceivedEvent,
  type StreamEvent,
  type WrittenTexts,
} from '@millrace/contract';
import { Coalescer } from './coalescing/coalescer.js';
import type { FoldedEvent } from './coalescing/fold-window.js';
import { LocalWindows } from './coalescing/local-windows.js';
import { OriginalTexts } from './coalescing/original-texts.js';
import { PublisherError } from './errors.js';
import { type PublisherOptions, type ResolvedPublisherOptions, resolveOptions } from './options.js';
import { Publication, type PublishResult } from './publication.js';
import { PublishQueue } from './queue/publish-queue.js';
import { type PublishOptions, stampEvent } from './stamp.js';

/** One event for {@link Publisher.publishMany}: the arguments of `publish` in one object. */
export type PublishRequest<C extends AnyCatalog> = {
  [Name in EventTypeName<C>]: {
    readonly type: Name;
    readonly roomId: string;
    readonly payload: PayloadOf<C, Name>;
    readonly options?: PublishOptions;
  };
}[EventTypeName<C>];

function withLargestCount(event: StreamEvent): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: Number.MAX_SAFE_INTEGER } };
}

/**
 * Publishes the events of one catalog.
 *
 * Guarantees:
 *
 * - Events of one lane enter a stream in the order of the calls. A coalesced event enters its stream when its window ends.
 * - If several events wait, the events of the more urgent lanes are sent first.
 * - An event whose call has resolved is never lost, unless it is a coalesced event that is reported as dropped.
 * - An event that breaks the contract is never sent.
 */
export class Publisher<C extends AnyCatalog = AnyCatalog> {
  readonly #options: ResolvedPublisherOptions<C>;
  readonly #coalescer: Coalescer;
  readonly #queue: PublishQueue;
  /** Original texts of the events that wait in windows. */
  readonly #originalTexts = new OriginalTexts();
  #isClosed = false;

  /** Use {@link createPublisher}. */
  constructor(options: ResolvedPublisherOptions<C>) {
    this.#options = options;
    this.#queue = createQueue(options);
    this.#coalescer = new Coalescer({
      ...options,
      local: options.coalescing === 'local' ? new LocalWindows(options.clock) : undefined,
      originalTexts: this.#originalTexts,
      store: (merged, onSettled) => this.#storeMerged(merged, onSettled),
    });
  }

  /** Fill level of the queue of events for the broker, from 0 (empty) to 1 (events are refused). */
  get queueFill(): number {
    return this.#queue.fill;
  }

  /**
   * Publishes one event. While the broker is unavailable, the event waits in the queue, for at most
   * `maxQueueWaitMs`.
   *
   * @throws ContractError if the type, the room or the payload breaks the contract. Nothing was published.
   * @throws PublisherError `broker_unavailable`, `stream_refused`, `outbox_full` or `publisher_closed`. After
   * `broker_unavailable` it is safe to repeat the call with the same `eventId`, and `outcome` tells whether
   * the event may have been stored.
   */
  publish<Name extends EventTypeName<C>>(
    type: Name,
    roomId: string,
    payload: PayloadOf<C, Name>,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      // If `#stamp` throws an error, the promise rejects with this error.
      this.#send(this.#stamp({ type, roomId, payload }, options), resolve, reject);
    });
  }

  /**
   * Publishes several events in the given order. All events are checked before the first is sent.
   *
   * @returns the results in the order of the requests.
   * @throws ContractError if an event breaks the contract. No event was published.
   * @throws PublisherError with the codes of `publish`. Other events of this call may have been published. It
   * is safe to repeat them only with the same `eventId`s.
   */
  async publishMany(requests: readonly PublishRequest<C>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(requests.map((request) => this.#stamp(request, request.options ?? {})));
  }

  /**
   * Publishes complete events in the given order. Adds nothing to the events.
   *
   * @throws ContractError and PublisherError as `publishMany`.
   */
  async publishEvents(events: readonly EventOf<C>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((event) => this.#prepare(event)));
  }

  /**
   * Publishes events that arrived as text, in the given order. Payload, metadata and timestamp enter the stream exactly as they
   * were written. The events must have been parsed by the catalog of this publisher (`parseWritten` or `parseEntry`), because they
   * are not checked again.
   *
   * @throws ContractError and PublisherError as `publishMany`.
   */
  async publishWritten(events: readonly ReceivedEvent<EventOf<C>>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((received) => this.#encode(received.event, received)));
  }

  /** Ends every open coalescing window now and waits until all accepted events are stored, or reported as dropped. */
  async flush(): Promise<void> {
    await this.#coalescer.flush();
    await this.#queue.settled();
  }

  /** Refuses new events, flushes the waiting events, and leaves the broker open. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#coalescer.close();
    await this.#queue.settled();
    this.#queue.close();
  }

  #publishAll(publications: readonly Publication[]): Promise<readonly PublishResult[]> {
    // Queues all events before awaiting the first result, so that the events form batches.
    return Promise.all(
      publications.map(
        (publication) =>
          new Promise<PublishResult>((resolve, reject) => this.#send(publication, resolve, reject)),
      ),
    );
  }

  #stamp(
    event: { readonly type: string; readonly roomId: string; readonly payload: unknown },
    options: PublishOptions,
  ): Publication {
    const { clock, sourceInstance } = this.#options;
    const stamped = stampEvent(event, options, { wallMs: clock.wallMs(), sourceInstance });
    return this.#prepare(stamped, options.eventId === undefined);
  }

  /** Checks and encodes an event. Everything that can be wrong with the event is found here, before anything is sent. */
  #prepare(value: unknown, isNew = false): Publication {
    const event = this.#options.catalog.assertEvent(value);
    const { timestamp: timestampText } = value as StreamEvent; // The catalog has accepted `value`.
    return this.#encode(event, { timestampText }, isNew);
  }

  #encode(event: StreamEvent, written: Partial<WrittenTexts>, isNew = false): Publication {
    const { catalog } = this.#options;
    const declaration = this.#declarationOf(event);
    const fields = catalog.encodeEntry(event, written);
    const isCoalesced = declaration.coalescing?.key(event.payload) !== undefined; // The payload follows this declaration.
    if (isCoalesced) {
      const { timestamp: timestampText = '', payload: payloadText = '', metadata: metadataText } = fields;
      const texts = metadataText === undefined ? { payloadText } : { payloadText, metadataText };
      this.#originalTexts.keep({ event, timestampText, ...texts });
      // The count of merged events is added later. The event must not be too large even with the largest
      // possible count.
      catalog.encodeEntry(withLargestCount(event), { payloadText });
    }
    const stream = this.#streamFor(event, declaration);
    const checked = { event, declaration, fields, stream, isCoalesced, isTriedOnce: false, isNew };
    return new Publication(checked, this.#options);
  }

  #storeMerged(
    { event, asOf }: FoldedEvent,
    onSettled: (id: EntryId | undefined, cause?: unknown) => void,
  ): void {
    const { catalog, coalescing } = this.#options;
    const declaration = this.#declarationOf(event);
    const fail = (cause: unknown): void => onSettled(undefined, cause);
    try {
      const fields = catalog.encodeEntry(event, this.#originalTexts.textsOf(event));
      // Gateways use this field only for events that are never replayed.
      if (asOf !== undefined && declaration.replay.mode === 'none') fields[AS_OF_FIELD] = asOf;
      // A window in the broker keeps its events until the flush succeeds. This flush must not retry, because
      // another publisher may have taken over the flush.
      const isTriedOnce = coalescing === 'redis';
      const stream = this.#streamFor(event, declaration);
      const checked = { event, declaration, fields, stream, isCoalesced: false, isTriedOnce, isNew: false };
      const merged = new Publication(checked, this.#options);
      this.#queue.put(merged.begin(({ entryId }) => onSettled(entryId), fail));
    } catch (cause) {
      fail(cause);
    }
  }

  #streamFor(event: StreamEvent, declaration: EventTypeDeclaration): string {
    // The number of partitions comes from the broker, so all publishers and gateways agree on a room's partition.
    return this.#options.broker.partitioning.streamFor(declaration.stream, event.room_id);
  }

  #send(
    publication: Publication,
    resolve: (result: PublishResult) => void,
    reject: (error: unknown) => void,
  ): void {
    const { event, declaration } = publication;
    if (this.#isClosed) {
      const details = { eventId: event.event_id, outcome: 'not_stored' } as const;
      reject(new PublisherError('publisher_closed', 'The publisher is closed.', details));
    } else if (publication.isCoalesced) {
      this.#coalescer.add(event, {
        resolve: () => resolve({ status: 'coalesced', eventId: event.event_id }),
        reject: (cause) => reject(publication.errorOf(cause)),
      });
    } else {
      const ending = declaration.endsCoalescing === undefined ? undefined : this.#coalescer.end(event);
      this.#queue.put(publication.begin(resolve, reject, ending));
    }
  }

  #declarationOf(event: StreamEvent): EventTypeDeclaration {
    const declaration = this.#options.catalog.find(event.event_type);
    if (declaration === undefined) throw new TypeError('an event that was checked has a declared type');
    return declaration;
  }
}

function createQueue(options: ResolvedPublisherOptions<AnyCatalog>): PublishQueue {
  const { broker, clock, maxQueuedEvents, maxQueuedChars, maxQueueWaitMs } = options;
  return new PublishQueue({
    broker,
    clock,
    maxEvents: maxQueuedEvents,
    maxChars: maxQueuedChars,
    maxWaitMs: maxQueueWaitMs,
  });
}

/**
 * Creates a publisher over an open broker. `connectPublisher` opens the broker itself.
 *
 * @example
 * ```ts
 * const broker = createRedisBroker({ url: 'redis://localhost:6379', streams: eventCatalog.streams });
 * await broker.open();
 * const publisher = createPublisher({ broker, catalog: eventCatalog });
 * await publisher.publish('notification', 'ticket-42', { type: 'info', title: 'Maria is on it' });
 * await publisher.close();
 * await broker.close();
 * ```
 */
export function createPublisher<C extends AnyCatalog>(options: PublisherOptions<C>): Publisher<C> {
  return new Publisher(resolveOptions(options));
}
