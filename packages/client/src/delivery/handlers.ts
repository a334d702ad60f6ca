// Handlers of the application. One that fails is reported and does not stop the others.
import { ClientError, type ReportError } from '../client-error.js';
import type { AnyEvent } from './events.js';

/** Takes a handler back. Calling it again does nothing. */
export type Unsubscribe = () => void;

interface Registration<Args extends readonly unknown[]> {
  readonly handler: (...args: Args) => unknown;
  isActive: boolean;
}

/** Handlers of one kind, called in the order in which they were added. */
export class HandlerSet<Args extends readonly unknown[]> {
  readonly #report: ReportError;
  /**
   * One object per registration: the same function added twice is called twice, and each is taken back by itself. The
   * list is replaced, not changed, so that a call that is under way keeps its own.
   */
  #registrations: readonly Registration<Args>[] = [];

  constructor(report: ReportError) {
    this.#report = report;
  }

  get size(): number {
    return this.#registrations.length;
  }

  add(handler: (...args: Args) => unknown): Unsubscribe {
    if (typeof handler !== 'function') throw new ClientError('invalid_argument', 'A handler is a function.');
    const registration: Registration<Args> = { handler, isActive: true };
    this.#registrations = [...this.#registrations, registration];
    return () => {
      registration.isActive = false;
      this.#registrations = this.#registrations.filter((other) => other !== registration);
    };
  }

  /** Calls all that are there now; one taken back by an earlier one is not called. */
  call(...args: Args): void {
    for (const registration of this.#registrations) {
      if (registration.isActive) this.#callOne(registration.handler, args);
    }
  }

  #callOne(handler: (...args: Args) => unknown, args: Args): void {
    try {
      const result = handler(...args);
      if (result instanceof Promise) result.catch((cause: unknown) => this.#failed(cause));
    } catch (cause) {
      this.#failed(cause);
    }
  }

  #failed(cause: unknown): void {
    const message = `A handler failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    this.#report(new ClientError('handler_failed', message, { cause }));
  }
}

/** Handlers by event type, and handlers of all types. */
export class EventHandlers {
  readonly #report: ReportError;
  /** Bounded by the event types the application names. */
  readonly #byType = new Map<string, HandlerSet<[AnyEvent]>>();
  readonly #ofAny: HandlerSet<[AnyEvent]>;

  constructor(report: ReportError) {
    this.#report = report;
    this.#ofAny = new HandlerSet(report);
  }

  on(type: string, handler: (event: AnyEvent) => unknown): Unsubscribe {
    const handlers = this.#byType.get(type) ?? new HandlerSet(this.#report);
    this.#byType.set(type, handlers);
    return handlers.add(handler);
  }

  onAny(handler: (event: AnyEvent) => unknown): Unsubscribe {
    return this.#ofAny.add(handler);
  }

  call(event: AnyEvent): void {
    this.#byType.get(event.event_type)?.call(event);
    this.#ofAny.call(event);
  }
}

/** Where errors go that nobody awaits: to the application's `onError` handlers, without any to the console. */
export class ErrorReporter {
  readonly #handlers = new HandlerSet<[ClientError]>((error) => console.error(error));

  add(handler: (error: ClientError) => unknown): Unsubscribe {
    return this.#handlers.add(handler);
  }

  readonly report: ReportError = (error) => {
    if (this.#handlers.size === 0) console.error(error);
    else this.#handlers.call(error);
  };
}
