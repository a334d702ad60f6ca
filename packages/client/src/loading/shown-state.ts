// The state of a room as the application sees it: the snapshot, its listeners, and the application's handlers.
import { ClientError, type ReportError } from '../client-error.js';
import { deferred } from '../deferred.js';
import type { AnyEvent } from '../delivery/events.js';
import { HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { ContainedEvents } from './contained-events.js';
import type { Loaded } from './loader-call.js';
import type { LoadOptions, LoadSnapshot, LoadStatus } from './room-load.js';

/** A change of the state. All its parts become visible together. */
export interface Change<S> {
  /** A state that replaces the present one. */
  readonly loaded?: Loaded<S>;
  /** Events after the state, in order. Those that the state contains are ignored. */
  readonly events?: readonly AnyEvent[];
  /** The reason why a load failed. It is kept until a state is loaded or the room is live. */
  readonly error?: ClientError;
  /** The reason why the load ended. */
  readonly end?: ClientError;
}

/** Keeps the snapshot. Only `update` changes it. */
export class ShownState<S> {
  readonly #firstState = deferred<S>();
  readonly #listeners: HandlerSet<[]>;
  readonly #onState: HandlerSet<[S]>;
  readonly #onEvent: HandlerSet<[AnyEvent]>;
  readonly #reduce: LoadOptions<S, AnyEvent>['reduce'];
  readonly #report: ReportError;
  #snapshot: LoadSnapshot<S>;
  #contained: ContainedEvents;

  constructor(options: LoadOptions<S, AnyEvent>, report: ReportError) {
    const { initial, onState, onEvent, reduce, sequenceOf } = options;
    this.#report = report;
    this.#listeners = new HandlerSet(report);
    this.#onState = new HandlerSet(report);
    this.#onEvent = new HandlerSet(report);
    if (onState !== undefined) this.#onState.add(onState);
    if (onEvent !== undefined) this.#onEvent.add(onEvent);
    this.#reduce = reduce;
    this.#contained = new ContainedEvents(initial?.upTo, sequenceOf);
    const snapshot: LoadSnapshot<S> = { status: 'loading', state: initial?.state, error: undefined };
    this.#snapshot = Object.freeze(snapshot);
    // Prevents an unhandled rejection. A caller that does not await this promise learns of the end from the snapshot.
    this.#firstState.promise.catch(() => {});
    if (initial !== undefined) this.#firstState.resolve(initial.state);
  }

  get snapshot(): LoadSnapshot<S> {
    return this.#snapshot;
  }

  get ready(): Promise<S> {
    return this.#firstState.promise;
  }

  /** The events that the present state contains. */
  get contained(): ContainedEvents {
    return this.#contained;
  }

  subscribe(listener: () => unknown): Unsubscribe {
    return this.#listeners.add(() => listener());
  }

  update(status: LoadStatus, { loaded, events = [], error, end }: Change<S>): void {
    if (loaded !== undefined) this.#contained = loaded.contained;
    const remaining = this.#contained.remaining(events);
    // Without a state there are no events.
    const before = (loaded === undefined ? this.#snapshot.state : loaded.state) as S;
    const state = remaining.reduce((state, event) => this.#reduced(state, event), before);
    const isCurrent = loaded !== undefined || status === 'live';
    const refusal = end?.code === 'closed' ? undefined : end;
    const isChanged = this.#replace(
      status,
      state,
      isCurrent ? undefined : (error ?? refusal ?? this.#snapshot.error),
    );
    if (loaded !== undefined) {
      this.#onState.call(loaded.state);
      this.#firstState.resolve(state);
    }
    // A handler may close the load. Then nothing more is handed over.
    for (const event of remaining) if (this.#snapshot.status !== 'closed') this.#onEvent.call(event);
    if (end !== undefined) this.#firstState.reject(end);
    if (isChanged) this.#listeners.call();
  }

  /** Replaces the snapshot if a field differs. Returns true if it was replaced. */
  #replace(status: LoadStatus, state: S | undefined, error: ClientError | undefined): boolean {
    const previous = this.#snapshot;
    if (status === previous.status && Object.is(state, previous.state) && error === previous.error)
      return false;
    // A live snapshot has a state and no error. The compiler cannot derive that.
    this.#snapshot = Object.freeze({ status, state, error }) as LoadSnapshot<S>;
    return true;
  }

  #reduced(state: S, event: AnyEvent): S {
    if (this.#reduce === undefined) return state;
    try {
      return this.#reduce(state, event);
    } catch (cause) {
      const message = `reduce failed for ${event.event_type}: ${cause instanceof Error ? cause.message : String(cause)}`;
      this.#report(new ClientError('handler_failed', message, { roomId: event.room_id, cause }));
      return state;
    }
  }
}
