// Handlers of the application. A handler that fails is reported and does not stop other handlers.
import { ClientError, messageOf, type ReportError } from '../client-error.js';
import type { AnyEvent } from './events.js';

/** Removes a handler. A second call does nothing. @public */
export type Unsubscribe = () => void;

interface Registration<Args extends readonly unknown[]> {
  readonly handler: (...args: Args) => unknown;
  isActive: boolean;
}

/** Handlers of one kind, called in the order in which they were added. */
export class HandlerSet<Args extends readonly unknown[]> {
  readonly #report: ReportError;
  /**
   * Contains one object per registration. A function that was added twice is called twice, and each registration is removed
   * on its own. Every change replaces this list, so that a call in progress keeps its own.
   */
  #registrations: readonly Registration<Args>[] = [];

  constructor(report: ReportError) {
    this.#report = report;
  }

  get size(): number {
    return this.#registrations.length;
  }

  add(handler: (...args: Args) => unknown): Unsubscribe {
    if (typeof handler !== 'function')
      throw new ClientError('invalid_argument', 'A handler must be a function.');
    const registration: Registration<Args> = { handler, isActive: true };
    this.#registrations = [...this.#registrations, registration];
    return () => {
      registration.isActive = false;
      this.#registrations = this.#registrations.filter((other) => other !== registration);
    };
  }

  /** Calls the handlers that are registered now, except those that an earlier handler removes. */
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
    this.#report(new ClientError('handler_failed', `A handler failed: ${messageOf(cause)}`, { cause }));
  }
}

/** Handlers by event type, and handlers for events of all types. */
export class EventHandlers {
  readonly #report: ReportError;
  /** The handlers by event type. Contains an entry only for a type with handlers. */
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

/** Reports errors to the application's `onError` handlers, or to the console if there is no handler. */
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
