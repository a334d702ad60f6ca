// The state of a room as the application sees it: the snapshot, its listeners, and the application's handlers.
import { ClientError, messageOf, type ReportError } from '../client-error.js';
import { deferred } from '../deferred.js';
import type { AnyEvent } from '../delivery/events.js';
import { HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { ContainedEvents } from './contained-events.js';
import type { Loaded } from './loader-call.js';
import type { LoadOptions, LoadSnapshot, LoadStatus, UpTo } from './room-load.js';

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
  readonly #options: Pick<LoadOptions<S, AnyEvent>, 'reduce' | 'sequenceOf'>;
  readonly #report: ReportError;
  #snapshot: LoadSnapshot<S>;
  #contained: ContainedEvents;

  constructor(options: LoadOptions<S, AnyEvent>, report: ReportError) {
    const { initial, onState, onEvent } = options;
    this.#options = options;
    this.#report = report;
    this.#listeners = new HandlerSet(report);
    this.#onState = new HandlerSet(report);
    this.#onEvent = new HandlerSet(report);
    if (onState !== undefined) this.#onState.add(onState);
    if (onEvent !== undefined) this.#onEvent.add(onEvent);
    this.#contained = this.containedIn(initial?.upTo);
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

  /** @throws ClientError `invalid_argument` if `upTo` has a wrong form */
  containedIn(upTo: UpTo | null | undefined): ContainedEvents {
    const { sequenceOf } = this.#options;
    return new ContainedEvents(
      upTo,
      sequenceOf && ((event) => this.#result('sequenceOf', event, () => sequenceOf(event), undefined)),
    );
  }

  subscribe(listener: () => unknown): Unsubscribe {
    return this.#listeners.add(() => listener());
  }

  update(status: LoadStatus, { loaded, events = [], error, end }: Change<S>): void {
    if (loaded !== undefined) this.#contained = loaded.contained;
    const remaining = this.#contained.remaining(events);
    // Without a state there are no events.
    const before = (loaded === undefined ? this.#snapshot.state : loaded.state) as S;
    const { reduce = (state: S) => state } = this.#options;
    const state = remaining.reduce(
      (state, event) => this.#result('reduce', event, () => reduce(state, event), state),
      before,
    );
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

  /** Returns the result of an option's function. If the function throws, reports the error and returns `otherwise`. */
  #result<R>(option: string, event: AnyEvent, call: () => R, otherwise: R): R {
    try {
      return call();
    } catch (cause) {
      const message = `${option} failed for ${event.event_type}: ${messageOf(cause)}`;
      this.#report(new ClientError('handler_failed', message, { roomId: event.room_id, cause }));
      return otherwise;
    }
  }
}
