// One event on its way: checked, with the entry that it becomes and the caller who waits to learn what became of it.

import { BrokerError, type PublishReceipt, type WindowEnding } from '@millrace/broker';
import type { EventTypeDeclaration, Lane, StreamEvent } from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import type { EndingUnderWay } from './coalescing/ending-order.js';
import { brokerUnavailable, streamRefused } from './errors.js';
import type { PublisherObserver } from './options.js';
import type { OutboxEvent } from './queue/queued-event.js';

/** Outcome of a published event. */
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

/** A {@link PublishResult} of an event that is in its stream. */
export type StoredResult = Extract<PublishResult, { readonly status: 'stored' }>;

/** An event that was checked and encoded. */
export interface PublicationParts {
  readonly event: StreamEvent;
  readonly declaration: EventTypeDeclaration;
  readonly fields: Readonly<Record<string, string>>;
  readonly stream: string;
  /** True when it waits for others of its key; an event without a key does not. */
  readonly isCoalesced: boolean;
  readonly isTriedOnce: boolean;
}

/** Dependencies of {@link Publication}. */
interface PublicationPorts {
  readonly observer: PublisherObserver;
  readonly clock: Clock;
}

/** Made when the event was checked; `resolve` and `reject` are set before it is sent. */
export class Publication implements OutboxEvent {
  readonly event: StreamEvent;
  readonly declaration: EventTypeDeclaration;
  readonly fields: Readonly<Record<string, string>>;
  readonly stream: string;
  readonly isCoalesced: boolean;
  readonly isTriedOnce: boolean;
  readonly dedupeId: string | undefined;
  readonly #ports: PublicationPorts;
  #resolve: ((result: StoredResult) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #ending: EndingUnderWay | undefined;
  #sinceMs = 0;

  constructor(parts: PublicationParts, ports: PublicationPorts) {
    const { event, declaration } = parts;
    this.event = event;
    this.declaration = declaration;
    this.fields = parts.fields;
    this.stream = parts.stream;
    this.isCoalesced = parts.isCoalesced;
    this.isTriedOnce = parts.isTriedOnce;
    // An event that is never replayed needs no dedupe key in the store for 5 minutes: gateways drop a repeat.
    this.dedupeId = declaration.replay.mode === 'none' ? undefined : event.event_id;
    this.#ports = ports;
  }

  get eventId(): string {
    return this.event.event_id;
  }

  get lane(): Lane {
    return this.declaration.lane;
  }

  /** Inputs that it ends in the broker, see `Coalescer.end`. */
  get ends(): WindowEnding | undefined {
    return this.#ending?.ends;
  }

  /** It is about to be sent: these are told what became of it. */
  begin(
    resolve: (result: StoredResult) => void,
    reject: (error: unknown) => void,
    ending?: EndingUnderWay,
  ): this {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ending = ending;
    this.#sinceMs = this.#ports.clock.monotonicMs();
    return this;
  }

  stored(receipt: PublishReceipt): void {
    const { observer, clock } = this.#ports;
    const { id, isDuplicate } = receipt;
    observer.stored?.(this.event, receipt, clock.monotonicMs() - this.#sinceMs);
    this.#ending?.settle(isDuplicate ? undefined : id);
    this.#resolve?.({ status: 'stored', eventId: this.eventId, entryId: id, isDuplicate });
  }

  failed(cause: Error): void {
    this.#ending?.settle();
    this.#reject?.(this.errorOf(cause));
  }

  /** The failure as the caller of `publish` is told. */
  errorOf(cause: unknown): unknown {
    // Anything else is a fault of the program and stays what it is.
    if (!(cause instanceof BrokerError)) return cause;
    if (cause.code === 'refused') return streamRefused(this.eventId, this.declaration.stream, cause);
    if (!cause.isTransient && cause.code !== 'closed') return cause;
    return brokerUnavailable(this.eventId, cause.mayHaveHappened, cause);
  }
}
