// A checked event that is being published, with the fields of its entry and the callbacks of its caller.
import { BrokerError, type PublishReceipt, type WindowEnding } from '@millrace/broker';
import type { EventTypeDeclaration, Lane, StreamEvent } from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import type { PendingEnding } from './coalescing/ending-order.js';
import { brokerUnavailable, queueFull, streamRefused } from './errors.js';
import type { PublisherObserver } from './options.js';
import type { OutgoingEvent } from './queue/queued-event.js';

/** Outcome of a published event. @public */
export type PublishResult =
  /**
   * The event is in its stream. A repeat with the same ID is not stored again for 5 minutes, unless its type is never
   * replayed.
   */
  | {
      readonly status: 'stored';
      readonly eventId: string;
      readonly entryId: string;
      readonly isDuplicate: boolean;
    }
  /** The event was accepted into its coalescing window. It is published when the window ends, alone or merged. */
  | { readonly status: 'coalesced'; readonly eventId: string };

/** A {@link PublishResult} of an event that is in its stream. */
export type StoredResult = Extract<PublishResult, { readonly status: 'stored' }>;

/** An event that was checked and encoded. */
interface CheckedEvent {
  readonly event: StreamEvent;
  readonly declaration: EventTypeDeclaration;
  readonly fields: Readonly<Record<string, string>>;
  readonly stream: string;
  /** True if the event waits in a window. An event without a coalescing key never waits. */
  readonly isCoalesced: boolean;
  readonly isTriedOnce: boolean;
  /** True if the publisher made the event ID itself. The broker cannot know such an ID yet. */
  readonly isNew: boolean;
}

/** Dependencies of {@link Publication}. */
interface PublicationDependencies {
  readonly observer: PublisherObserver;
  readonly clock: Clock;
}

/** A checked event on its way to the broker. `begin` sets the callbacks before the event is sent. */
export class Publication implements OutgoingEvent {
  readonly event: StreamEvent;
  readonly declaration: EventTypeDeclaration;
  readonly fields: Readonly<Record<string, string>>;
  readonly stream: string;
  readonly isCoalesced: boolean;
  readonly isTriedOnce: boolean;
  isNew: boolean;
  readonly dedupeId: string | undefined;
  readonly #dependencies: PublicationDependencies;
  #resolve: ((result: StoredResult) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #ending: PendingEnding | undefined;
  #sinceMs = 0;

  constructor(checked: CheckedEvent, dependencies: PublicationDependencies) {
    const { event, declaration } = checked;
    this.event = event;
    this.declaration = declaration;
    this.fields = checked.fields;
    this.stream = checked.stream;
    this.isCoalesced = checked.isCoalesced;
    this.isTriedOnce = checked.isTriedOnce;
    this.isNew = checked.isNew;
    // An event that is never replayed needs no deduplication key, because gateways drop its repeats. The store would keep the
    // key for 5 minutes.
    this.dedupeId = declaration.replay.mode === 'none' ? undefined : event.event_id;
    this.#dependencies = dependencies;
  }

  get eventId(): string {
    return this.event.event_id;
  }

  get lane(): Lane {
    return this.declaration.lane;
  }

  /** The inputs that the event ends in the broker, see `Coalescer.end`. */
  get ends(): WindowEnding | undefined {
    return this.#ending?.ends;
  }

  /** Sets the callbacks for the outcome of the event. Called just before the event is sent. */
  begin(
    resolve: (result: StoredResult) => void,
    reject: (error: unknown) => void,
    ending?: PendingEnding,
  ): this {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ending = ending;
    this.#sinceMs = this.#dependencies.clock.monotonicMs();
    return this;
  }

  stored(receipt: PublishReceipt): void {
    const { observer, clock } = this.#dependencies;
    const { id, isDuplicate } = receipt;
    observer.stored?.(this.event, receipt, clock.monotonicMs() - this.#sinceMs);
    this.#ending?.settle(isDuplicate ? undefined : id);
    this.#resolve?.({ status: 'stored', eventId: this.eventId, entryId: id, isDuplicate });
  }

  failed(cause: Error): void {
    this.#ending?.settle();
    this.#reject?.(this.errorOf(cause));
  }

  /** Returns the error that the caller of `publish` receives. */
  errorOf(cause: unknown): unknown {
    // An error other than BrokerError is a fault of the program, and is passed on unchanged.
    if (!(cause instanceof BrokerError)) return cause;
    if (cause.code === 'refused') return streamRefused(this.eventId, this.declaration.stream, cause);
    if (cause.code === 'overloaded') return queueFull(this.eventId, cause);
    if (!cause.isTransient && cause.code !== 'closed') return cause;
    return brokerUnavailable(this.eventId, cause.mayHaveHappened, cause);
  }
}
