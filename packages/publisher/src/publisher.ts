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
  PUBLISHED_FIELD,
  type ReceivedEvent,
  type StreamEvent,
  type WrittenTexts,
} from '@millrace/contract';
import { Coalescer } from './coalescing/coalescer.js';
import type { FoldedEvent } from './coalescing/fold-window.js';
import { LocalWindows } from './coalescing/local-windows.js';
import { OriginalTexts } from './coalescing/original-texts.js';
import { Eraser, type ErasureOptions, type ErasureResult } from './erasure/eraser.js';
import type { ErasureSelection } from './erasure/selection.js';
import { erasureFailed, publisherClosed } from './errors.js';
import { type LostRevocation, Membership, type MembershipResult } from './membership.js';
import { type PublisherOptions, type ResolvedPublisherOptions, resolveOptions } from './options.js';
import { Publication, type PublishResult } from './publication.js';
import { PublishQueue } from './queue/publish-queue.js';
import { type PublishOptions, stampEvent } from './stamp.js';

/** One event for {@link Publisher.publishMany}: the arguments of `publish` in one object. @public */
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
 * - Of the waiting events, those of the more urgent lanes are sent first.
 * - An event whose call has resolved is never lost. The only exception is a coalesced event that is reported as dropped.
 * - An event that breaks the contract is never sent.
 * @public
 */
export class Publisher<C extends AnyCatalog = AnyCatalog> {
  readonly #options: ResolvedPublisherOptions<C>;
  readonly #coalescer: Coalescer;
  readonly #queue: PublishQueue;
  readonly #membership: Membership;
  /** Keeps the original texts of events that wait in windows. */
  readonly #originalTexts = new OriginalTexts();
  readonly #eraser: Eraser;
  /** The streams in which this publisher's events are marked. `undefined` if there are none. */
  readonly #marked: ReadonlySet<string> | undefined;
  #isClosed = false;

  /** Use {@link createPublisher}. @beta */
  constructor(options: ResolvedPublisherOptions<C>) {
    this.#options = options;
    this.#queue = createQueue(options);
    const { broker, clock, intake, revocationKeepMs: keepMs } = options;
    this.#marked = intake.streams.length === 0 ? undefined : new Set(intake.streams);
    this.#membership = new Membership({ broker, clock, keepMs });
    this.#coalescer = new Coalescer({
      ...options,
      local: options.coalescing === 'local' ? new LocalWindows(options.clock) : undefined,
      originalTexts: this.#originalTexts,
      store: (merged, onSettled) => this.#storeMerged(merged, onSettled),
    });
    this.#eraser = new Eraser({
      ...options,
      readEntry: (stream, entry) => intake.readEntry?.(stream, entry) ?? entry,
      flush: async (roomId) => {
        await this.#coalescer.flushShared(roomId);
        await this.#queue.settled();
      },
    });
  }

  /** Fill level of the queue of events for the broker, from 0 (empty) to 1 (events are refused). @beta */
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
      // An error of `#stamp` rejects the promise.
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
   * Publishes complete events in the given order, without adding anything to them.
   *
   * @throws ContractError and PublisherError as `publishMany`.
   */
  async publishEvents(events: readonly EventOf<C>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((event) => this.#prepare(event)));
  }

  /**
   * Publishes events that arrived as text, in the given order. Payload, metadata and timestamp enter the stream exactly as
   * they were written. The events are not checked again, so this publisher's catalog must have parsed them (`parseWritten` or
   * `parseEntry`).
   *
   * @throws ContractError and PublisherError as `publishMany`.
   * @beta
   */
  async publishWritten(events: readonly ReceivedEvent<EventOf<C>>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((received) => this.#encode(received.event, received)));
  }

  /**
   * Erases an event, all events of a room, or all events of a user: those that are stored when the call begins, those that wait in
   * this publisher or in a window, and dead letters. Clients in the rooms receive `event_erased`. The call searches the streams, so
   * that it also finds old events and events that were not published by Millrace. It may be repeated: events that are erased
   * already are not erased again.
   *
   * The Redis user needs the rights of a gateway. docs/erasure.md describes what is kept elsewhere.
   *
   * @throws PublisherError `broker_unavailable`, `stream_refused` or `publisher_closed`. Some events may be erased. Repeat the call.
   *
   * @example
   * ```ts
   * const { erased } = await publisher.erase({ eventId: '7f2c1f0e-5d0c-4b51-9df8-0f7a1f1c9c11' });
   * ```
   * @beta
   */
  async erase(selection: ErasureSelection, options: ErasureOptions = {}): Promise<ErasureResult> {
    if (this.#isClosed) throw publisherClosed('');
    try {
      return await this.#eraser.erase(selection, options);
    } catch (cause) {
      throw erasureFailed(cause);
    }
  }

  /**
   * Removes a user from a room. Resolves when every stream of the room has stored the removal. From then on, no gateway sends the
   * user an event of the room that came later in its stream, and no gateway lets the user in, until `addMember`, or until
   * `revocationKeepMs` have passed. Events whose `publish` has not resolved yet may come later. Idempotent.
   *
   * @throws PublisherError `invalid_argument`, or `broker_unavailable` or `stream_refused` if not every stream has stored the
   * removal. Repeat the call then.
   * @beta
   */
  removeMember(roomId: string, userId: string): Promise<MembershipResult> {
    return this.#membership.removeMember(roomId, userId);
  }

  /**
   * Lets a user who was removed into the room again. The user's token must allow the room. Idempotent.
   *
   * @throws PublisherError with the codes of `removeMember`
   * @beta
   */
  addMember(roomId: string, userId: string): Promise<MembershipResult> {
    return this.#membership.addMember(roomId, userId);
  }

  /**
   * Signs a user out everywhere: gateways close all connections of the user, and refuse all tokens that were issued before (claim
   * `iat`), until `revocationKeepMs` have passed. A token of the same second is refused too. May be repeated.
   *
   * @throws PublisherError with the codes of `removeMember`
   * @beta
   */
  signOut(userId: string): Promise<MembershipResult> {
    return this.#membership.signOut(userId);
  }

  /**
   * Stores a removal or sign-out again that a stream has lost, for gateways. It keeps its time: tokens that were issued after a lost
   * sign-out stay valid. Changes nothing if the stream has it, or a later change of it, such as the return of the user.
   *
   * @throws PublisherError with the codes of `removeMember`
   * @beta
   */
  restoreRevocation(stream: string, lost: LostRevocation): Promise<void> {
    return this.#membership.restoreRevocation(stream, lost);
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
    // All events are queued before the first result is awaited, so that they form batches.
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

  /** Checks and encodes an event. Finds every fault of the event before anything is sent. */
  #prepare(value: unknown, isNew = false): Publication {
    const event = this.#options.catalog.assertEvent(value);
    const { timestamp: timestampText } = value as StreamEvent; // The cast is safe: the catalog has accepted `value`.
    return this.#encode(event, { timestampText }, isNew);
  }

  #encode(event: StreamEvent, written: Partial<WrittenTexts>, isNew = false): Publication {
    const { catalog } = this.#options;
    const declaration = this.#declarationOf(event);
    const fields = catalog.encodeEntry(event, written);
    const isCoalesced = declaration.coalescing?.key(event.payload) !== undefined; // The cast is safe: the payload follows this declaration.
    if (isCoalesced) {
      const { timestamp: timestampText = '', payload: payloadText = '', metadata: metadataText } = fields;
      const texts = metadataText === undefined ? { payloadText } : { payloadText, metadataText };
      this.#originalTexts.keep({ event, timestampText, ...texts });
      // The count of merged events is added later. Therefore the size is checked with the largest possible count.
      catalog.encodeEntry(withLargestCount(event), { payloadText });
    }
    const stream = this.#streamFor(event, declaration);
    this.#mark(fields, stream);
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
      // Gateways need this field only for events that are never replayed.
      if (asOf !== undefined && declaration.replay.mode === 'none') fields[AS_OF_FIELD] = asOf;
      // A window in the broker keeps its events until the flush succeeds. The queue must not retry them, because another
      // publisher may have taken over the flush.
      const isTriedOnce = coalescing === 'redis';
      const stream = this.#streamFor(event, declaration);
      this.#mark(fields, stream);
      const checked = { event, declaration, fields, stream, isCoalesced: false, isTriedOnce, isNew: false };
      const merged = new Publication(checked, this.#options);
      this.#queue.put(merged.begin(({ entryId }) => onSettled(entryId), fail));
    } catch (cause) {
      fail(cause);
    }
  }

  #mark(fields: Record<string, string>, stream: string): void {
    if (this.#marked?.has(stream) === true) fields[PUBLISHED_FIELD] = '1';
  }

  #streamFor(event: StreamEvent, declaration: EventTypeDeclaration): string {
    // The broker knows the number of partitions. Therefore all publishers and gateways agree on a room's partition.
    return this.#options.broker.partitioning.streamFor(declaration.stream, event.room_id);
  }

  #send(
    publication: Publication,
    resolve: (result: PublishResult) => void,
    reject: (error: unknown) => void,
  ): void {
    const { event, declaration } = publication;
    if (this.#isClosed) {
      reject(publisherClosed(event.event_id));
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
 * await publisher.publish('notification', 'order-42', { type: 'info', title: 'Maria is on it' });
 * await publisher.close();
 * await broker.close();
 * ```
 * @public
 */
export function createPublisher<C extends AnyCatalog>(options: PublisherOptions<C>): Publisher<C> {
  return new Publisher(resolveOptions(options));
}
