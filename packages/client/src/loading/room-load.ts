// The public interface of `room.load`. `state-loader.ts` implements it.
import type { ClientError } from '../client-error.js';
import type { DeliveredEvent } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';

/**
 * Which events a loaded state contains. The three forms can be combined: an event is in the state if one of them says so. A
 * form that is null or left out says nothing. Events that no form covers are passed on, and the application must tolerate
 * those that its state contains.
 * @beta
 */
export interface UpTo {
  /**
   * The state contains every event whose sequence number is at most this number. `LoadOptions.sequenceOf` returns the
   * sequence number of an event. The order in which the events arrive does not matter.
   */
  readonly sequence?: number | null | undefined;
  /**
   * IDs of events in the state: for each event type, the newest one. The state contains the named event, and every earlier
   * event of the same type in the room. If a named event was not received yet, the load holds events until it comes, at most
   * for 2 s.
   */
  readonly eventId?: string | readonly string[] | null | undefined;
  /**
   * The state contains every event whose `timestamp` is at or before this time. The time is an ISO 8601 text (UTC if it has
   * no offset), or milliseconds since 1970. Digits below a millisecond count. Use a time that was stored with the data, not
   * the time of the query.
   */
  readonly time?: string | number | null | undefined;
}

/** A state, and which events it contains. A loader returns this, or the state alone. @beta */
export interface LoadedState<S> {
  readonly state: S;
  readonly upTo: UpTo | null | undefined;
}

/** The argument of a loader. @beta */
export interface LoadContext {
  /** The room's ID as it was given to `join`. */
  readonly roomId: string;
  /**
   * The room's position when the loader was called. The load holds the events after this position until the loader returns.
   * `undefined` while the gateway is unavailable.
   */
  readonly position: string | undefined;
  /** Aborts when the result is no longer needed: the load was closed, the room was left, or `timeoutMs` has passed. */
  readonly signal: AbortSignal;
}

/**
 * Loads the state of a room from the application's backend. The state must contain everything that was stored before the
 * call. The loader must therefore use no cache and no replica of the database that lags. An object with the fields `state`
 * and `upTo` is read as {@link LoadedState}. Any other value is the state itself. If the loader throws or rejects, it is
 * called again later.
 * @beta
 */
export type Loader<S> = (context: LoadContext) => Promise<S | LoadedState<S>>;

/** A state that was loaded before, for example by the server that rendered the page. @beta */
export interface InitialState<S> {
  readonly state: S;
  readonly upTo?: UpTo | null | undefined;
  /**
   * The position of the room, taken before the state was loaded: the answer of `GET /v1/rooms/{room}/position`. If the room
   * is joined with this position (`join(roomId, { after })`), the events after it follow, and nothing is loaded. Otherwise
   * the state is shown until the loader has returned.
   */
  readonly position?: string | undefined;
}

/** Polls the loader while the gateway is unavailable. @beta */
export interface WhenDown {
  /** Mean milliseconds between two calls of the loader. Each delay is random: 0.5 to 1.5 times this value. */
  readonly pollMs: number;
  /** Milliseconds without the room before polling begins. @defaultValue 10_000 */
  readonly afterMs?: number;
}

/** Options of `room.load`. `Event` is the type of the room's events. @beta */
export interface LoadOptions<S, Event = DeliveredEvent> {
  /**
   * Returns the state after an event. Must be pure. Must return the same object if the event changes nothing. Keeps
   * `snapshot.state` current. If it throws, the error is reported, and the state stays as it was.
   */
  readonly reduce?: (state: S, event: Event) => S;
  /** Called with each loaded state, before the events after it. The state replaces everything that is shown. */
  readonly onState?: (state: S) => unknown;
  /** Called in order for each event that the state does not contain. */
  readonly onEvent?: (event: Event) => unknown;
  /**
   * Returns the sequence number of an event for `UpTo.sequence`, or `undefined` for an event without one.
   * @defaultValue the payload's `sequence_number`, if it is a number
   */
  readonly sequenceOf?: (event: Event) => number | undefined;
  /** Polls the loader while the gateway is unavailable. @defaultValue no polling */
  readonly whenDown?: WhenDown;
  /** A state that is shown before the first load. @defaultValue none */
  readonly initial?: InitialState<S>;
  /**
   * Maximum delay before the room is loaded again, in milliseconds. The delay is random, because many clients load at once
   * after a fault. @defaultValue 2_000
   */
  readonly maxReloadDelayMs?: number;
  /** Milliseconds after which a call of the loader fails. @defaultValue 30_000 */
  readonly timeoutMs?: number;
}

/**
 * - `loading`: the room is being joined or loaded. `state` is the state that is shown meanwhile, if there is one; it may lack
 *   events.
 * - `live`: `state` is current, and every later event follows.
 * - `disconnected`: the connection is lost. `state` is as old as the loss. The missed events follow after the reconnect.
 * - `polling`: the gateway is unavailable, and the loader is called at intervals. Only with `whenDown`.
 * - `closed`: the load was closed, the room was left, or the gateway refused the room.
 * @beta
 */
export type LoadStatus = 'loading' | 'live' | 'disconnected' | 'polling' | 'closed';

/** The state of a room at one moment. A snapshot never changes: every change makes a new object. @beta */
export type LoadSnapshot<S> = Readonly<
  | { status: 'live'; state: S; error: undefined }
  | {
      status: Exclude<LoadStatus, 'live'>;
      /** The state to show, or `undefined` if nothing was loaded yet. */
      state: S | undefined;
      /** The reason why the last load failed or the room was refused. A failed load is repeated. */
      error: ClientError | undefined;
    }
>;

/**
 * The state of a room that stays current. `subscribe` and `getSnapshot` need no `this`, as for React's `useSyncExternalStore`.
 *
 * Guarantees:
 *
 * - One load runs at a time. Until it ends, events are held; then the state and all held events after it are handed over together.
 * - No event is handed over that the state says it contains.
 * - If events are lost (`resync`) or erased, or more events are held than `maxHeldEvents`, the room is loaded again.
 * - Events of indicators, such as typing, are not part of it: see `Room.typingUsers`.
 * @beta
 */
export interface RoomLoad<S> {
  /** The present snapshot: the same object until something changes. */
  readonly snapshot: LoadSnapshot<S>;
  /**
   * Resolves with the first state. Rejects with ClientError `closed` or `refused` if the load ends before. It may be left
   * unawaited.
   */
  readonly ready: Promise<S>;
  /** Returns `snapshot`. */
  readonly getSnapshot: () => LoadSnapshot<S>;
  /** Calls the listener after every change of the snapshot. */
  readonly subscribe: (listener: () => unknown) => Unsubscribe;
  /** Loads again, for example because the user asked for it. The shown state stays until the new one is loaded. */
  reload(): void;
  /** Ends the load and aborts a running loader. The room stays joined. Later calls do nothing. */
  close(): void;
}
