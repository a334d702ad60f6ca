// Publishes typed events: validate → stamp → coalesce → broker. The one way for an event into a stream, used by
// backends directly and by the gateway for what arrives over HTTP and from clients.
import { BrokerError, type PublishReceipt, type WindowEnding } from '@millrace/broker';
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
import type { Coalescer, StoreMerged } from './coalescer.js';
import { brokerUnavailable, PublisherError, streamRefused } from './errors.js';
import { KeptTexts } from './kept-texts.js';
import { LocalCoalescer } from './local-coalescer.js';
import { type PublisherOptions, type ResolvedPublisherOptions, resolveOptions } from './options.js';
import { Outbox, type OutboxEvent } from './outbox.js';
import { SharedCoalescer } from './shared-coalescer.js';
import { type PublishOptions, stampEvent } from './stamp.js';

/** What became of a published event. */
export type PublishResult =
  /** It is in its stream, once, however often it is repeated within 5 minutes. */
  | {
      readonly status: 'stored';
      readonly eventId: string;
      readonly entryId: string;
      readonly isDuplicate: boolean;
    }
  /** It was accepted into its coalescing window and goes out, alone or merged, when the window ends. */
  | { readonly status: 'coalesced'; readonly eventId: string };

/** One event of {@link Publisher.publishMany}: the arguments of `publish`, tied to one type. */
export type PublishRequest<C extends AnyCatalog> = {
  [Name in EventTypeName<C>]: {
    readonly type: Name;
    readonly roomId: string;
    readonly payload: PayloadOf<C, Name>;
    readonly options?: PublishOptions;
  };
}[EventTypeName<C>];

/** An event that was checked and is ready for its stream. */
interface PreparedEvent {
  readonly event: StreamEvent;
  readonly declaration: EventTypeDeclaration;
  /** True when it waits for others of its key; an event without a key does not. */
  readonly isCoalesced: boolean;
  readonly fields: Readonly<Record<string, string>>;
  /** Inputs that it ends in the broker, see `Coalescer.end`. */
  readonly ends?: WindowEnding | undefined;
}

function withLargestCount(event: StreamEvent): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: Number.MAX_SAFE_INTEGER } };
}

/**
 * Publishes the events of one catalog.
 *
 * Guarantees: events of one publisher enter a stream in the order of the calls (a coalesced one when its window ends);
 * a resolved call is never lost by the publisher; nothing that breaks the contract leaves it.
 */
export class Publisher<C extends AnyCatalog = AnyCatalog> {
  readonly #options: ResolvedPublisherOptions<C>;
  readonly #coalescer: Coalescer;
  readonly #outbox: Outbox;
  /** Texts of the events that wait in windows. */
  readonly #keptTexts = new KeptTexts();
  /** Writes that are under way; `flush` waits for them. Bounded by the outbox, which refuses beyond its bound. */
  readonly #inFlight = new Set<Promise<unknown>>();
  #isClosed = false;

  /** Use {@link createPublisher}. */
  constructor(options: ResolvedPublisherOptions<C>) {
    this.#options = options;
    this.#outbox = createOutbox(options);
    this.#coalescer = createCoalescer(options, this.#keptTexts, async (event, asOf) => {
      const declaration = this.#declarationOf(event);
      const fields = options.catalog.encodeEntry(event, this.#keptTexts.textsOf(event));
      // Events that can be replayed are not judged by it.
      const isFleeting = declaration.replay.mode === 'none';
      if (asOf !== undefined && isFleeting) fields[AS_OF_FIELD] = asOf;
      const prepared = { event, declaration, fields };
      // A window in the broker waits there itself; its flush must not go on when another publisher has taken it over.
      const isShared = options.coalescing === 'redis';
      const { id } = await this.#store(
        prepared,
        isShared ? ({ entry }) => options.broker.publish(entry) : undefined,
      );
      return id;
    });
  }

  /** How full the queue of events that wait for the broker is: 0 empty, 1 refuses. */
  get queueFill(): number {
    return this.#outbox.fill;
  }

  /**
   * Publishes one event.
   *
   * @throws ContractError when the type, the room or the payload breaks the contract; nothing was published.
   * @throws PublisherError `broker_unavailable` (safe to repeat; `outcome` says whether it may be stored), `stream_refused`,
   * `outbox_full` or `publisher_closed`. While the broker is away an event waits for it, no longer than `maxOutboxWaitMs`.
   */
  async publish<Name extends EventTypeName<C>>(
    type: Name,
    roomId: string,
    payload: PayloadOf<C, Name>,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    return this.#publishPrepared(this.#stamp({ type, roomId, payload }, options));
  }

  /**
   * Publishes several events in the given order. All are checked before the first is sent.
   *
   * @returns the results in the order of the requests.
   * @throws ContractError when one of them breaks the contract; none was published.
   * @throws PublisherError as `publish`; those before it may have been published, and repeating them is safe only
   * with the same `eventId`s.
   */
  async publishMany(requests: readonly PublishRequest<C>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(requests.map((request) => this.#stamp(request, request.options ?? {})));
  }

  /**
   * Publishes whole events as they are, without stamping anything: for events made elsewhere, in the given order.
   *
   * @throws ContractError and PublisherError as `publishMany`.
   */
  async publishEvents(events: readonly EventOf<C>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((event) => this.#prepare(event)));
  }

  /**
   * Publishes events that came as text, in the given order: payload, metadata and timestamp go into the stream as they were
   * written. They were parsed by the catalog of this publisher (`parseWritten`, `parseEntry`) and are not checked again.
   *
   * @throws ContractError and PublisherError as `publishMany`.
   */
  async publishWritten(events: readonly ReceivedEvent<EventOf<C>>[]): Promise<readonly PublishResult[]> {
    return this.#publishAll(events.map((received) => this.#encode(received.event, received)));
  }

  /** Ends every open coalescing window now and waits until all that was accepted is stored, or reported as dropped. */
  async flush(): Promise<void> {
    await this.#coalescer.flush();
    await Promise.allSettled(this.#inFlight);
  }

  /** Refuses new events, flushes, and leaves the broker open. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#coalescer.close();
    await Promise.allSettled(this.#inFlight);
    this.#outbox.close();
  }

  #publishAll(events: readonly PreparedEvent[]): Promise<readonly PublishResult[]> {
    // All are handed over before the first is awaited, so that they form batches; the broker keeps their order.
    return Promise.all(events.map((prepared) => this.#publishPrepared(prepared)));
  }

  #stamp(
    event: { readonly type: string; readonly roomId: string; readonly payload: unknown },
    options: PublishOptions,
  ): PreparedEvent {
    const { clock, sourceInstance } = this.#options;
    return this.#prepare(stampEvent(event, options, { nowMs: clock.nowMs(), sourceInstance }));
  }

  /** Everything that can be wrong with an event is found here, before anything is sent. */
  #prepare(value: unknown): PreparedEvent {
    const event = this.#options.catalog.assertEvent(value);
    const { timestamp: timestampText } = value as StreamEvent; // The catalog has just seen it.
    return this.#encode(event, { timestampText });
  }

  #encode(event: StreamEvent, written: Partial<WrittenTexts>): PreparedEvent {
    const { catalog } = this.#options;
    const declaration = this.#declarationOf(event);
    const isCoalesced = declaration.coalescing?.key(event.payload) !== undefined; // Parsed by its own declaration.
    const fields = catalog.encodeEntry(event, written);
    if (isCoalesced) {
      const [timestampText = '', payloadText = '', metadataText] = [
        fields.timestamp,
        fields.payload,
        fields.metadata,
      ];
      this.#keptTexts.keep({
        event,
        timestampText,
        payloadText,
        ...(metadataText === undefined ? {} : { metadataText }),
      });
      // It will also carry its count; it must fit with the largest.
      catalog.encodeEntry(withLargestCount(event), { payloadText });
    }
    return { event, declaration, isCoalesced, fields };
  }

  async #publishPrepared(prepared: PreparedEvent): Promise<PublishResult> {
    const { event, declaration, isCoalesced } = prepared;
    if (this.#isClosed) {
      throw new PublisherError('publisher_closed', 'The publisher is closed.', {
        eventId: event.event_id,
        outcome: 'not_stored',
      });
    }
    if (isCoalesced) {
      await this.#coalescer.add(event).catch((cause: unknown) => {
        throw this.#errorOf(event, cause);
      });
      return { status: 'coalesced', eventId: event.event_id };
    }
    const ending = declaration.endsCoalescing === undefined ? undefined : this.#coalescer.end(event);
    try {
      const { id, isDuplicate } = await this.#store({ ...prepared, ends: ending?.ends });
      ending?.settle(isDuplicate ? undefined : id);
      return { status: 'stored', eventId: event.event_id, entryId: id, isDuplicate };
    } catch (error) {
      ending?.settle();
      throw error;
    }
  }

  async #store(
    { event, declaration, fields, ends }: Omit<PreparedEvent, 'isCoalesced'>,
    put: (event: OutboxEvent) => Promise<PublishReceipt> = (waiting) => this.#outbox.put(waiting),
  ): Promise<PublishReceipt> {
    const { broker, clock, observer } = this.#options;
    const startMs = clock.monotonicMs();
    const write = put({
      eventId: event.event_id,
      lane: declaration.lane,
      entry: {
        // The broker knows the number of partitions, so no publisher can disagree with the gateways about a room's place.
        stream: broker.partitioning.streamFor(declaration.stream, event.room_id),
        fields,
        // What is never replayed is not worth a key in the store for 5 minutes: gateways drop a repeat.
        ...(declaration.replay.mode === 'none' ? {} : { dedupeId: event.event_id }),
        ...(ends === undefined ? {} : { ends }),
      },
    });
    this.#inFlight.add(write);
    try {
      const receipt = await write;
      observer.stored?.(event, receipt, clock.monotonicMs() - startMs);
      return receipt;
    } catch (cause) {
      throw this.#errorOf(event, cause);
    } finally {
      this.#inFlight.delete(write);
    }
  }

  #errorOf(event: StreamEvent, cause: unknown): unknown {
    // Anything else is a fault of the program and stays what it is.
    if (!(cause instanceof BrokerError)) return cause;
    if (cause.code === 'refused')
      return streamRefused(event.event_id, this.#declarationOf(event).stream, cause);
    if (!cause.isTransient && cause.code !== 'closed') return cause;
    return brokerUnavailable(event.event_id, cause.mayHaveHappened, cause);
  }

  #declarationOf(event: StreamEvent): EventTypeDeclaration {
    const declaration = this.#options.catalog.find(event.event_type);
    if (declaration === undefined) throw new TypeError('an event that was checked has a declared type');
    return declaration;
  }
}

function createCoalescer(
  { broker, catalog, clock, maxOpenWindows, observer, coalescing }: ResolvedPublisherOptions<AnyCatalog>,
  keptTexts: KeptTexts,
  store: StoreMerged,
): Coalescer {
  const options = { broker, catalog, clock, maxOpenWindows, observer, store };
  return coalescing === 'local'
    ? new LocalCoalescer(options)
    : new SharedCoalescer({ ...options, keptTexts });
}

function createOutbox(options: ResolvedPublisherOptions<AnyCatalog>): Outbox {
  const { broker, clock, maxOutboxEvents, maxOutboxChars, maxOutboxWaitMs } = options;
  return new Outbox({
    broker,
    clock,
    maxEvents: maxOutboxEvents,
    maxChars: maxOutboxChars,
    maxWaitMs: maxOutboxWaitMs,
  });
}

/** Creates a publisher over an open broker. */
export function createPublisher<C extends AnyCatalog>(options: PublisherOptions<C>): Publisher<C> {
  return new Publisher(resolveOptions(options));
}
