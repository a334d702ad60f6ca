// The members of one room, and this user's own state in it.
import type { Clock } from '@millrace/internal';
import { ClientError, type ReportError } from '../client-error.js';
import { HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { applyPresence, NO_MEMBERS, type RoomMembers, type VersionedMembers } from './room-members.js';

/** Dependencies of a {@link MemberList}. */
export interface MemberListDependencies {
  readonly roomId: string;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly report: ReportError;
}

/** Calls a method of the hub. Rejects with the error of the answer. */
type Call = (method: string, ...args: readonly unknown[]) => Promise<unknown>;

const UNWATCHED: VersionedMembers = { members: NO_MEMBERS, version: 0 };

/**
 * Minimum time between two calls of `SetPresence`. Only the newest state is sent then. A page may therefore set its state
 * with every movement of the mouse.
 */
const STATE_SPACING_MS = 100;

/**
 * Watches the members while there is a handler. Without a connection, keeps the last known members until the gateway sends
 * them again. Sets the state again after every join.
 */
export class MemberList {
  readonly #dependencies: MemberListDependencies;
  readonly #handlers: HandlerSet<[members: RoomMembers]>;
  #known = UNWATCHED;
  /** The state as JSON. `undefined` if the application has set none. */
  #state: string | undefined;
  /** The state that was last sent over the present connection. */
  #sentState: string | undefined;
  /** Set while a call of `SetPresence` runs or its minimum time has not passed. */
  #cancelSpacing: (() => void) | undefined;
  /** Set while the room is joined. */
  #call: Call | undefined;

  constructor(dependencies: MemberListDependencies) {
    this.#dependencies = dependencies;
    this.#handlers = new HandlerSet(dependencies.report);
  }

  get members(): RoomMembers {
    return this.#known.members;
  }

  onMembers(handler: (members: RoomMembers) => unknown): Unsubscribe {
    const remove = this.#handlers.add(handler);
    if (this.#handlers.size === 1) this.#watch(true);
    return () => {
      const before = this.#handlers.size;
      remove();
      if (before === 0 || this.#handlers.size > 0) return;
      this.#watch(false);
      this.#known = UNWATCHED;
    };
  }

  setPresence(state: unknown): void {
    const text = JSON.stringify(state ?? null);
    if (typeof text !== 'string')
      throw new ClientError('invalid_argument', 'setPresence needs a value that JSON can express.');
    this.#state = text;
    this.#sendState();
  }

  /** Called when the room was joined, or joined again. */
  open(call: Call): void {
    this.#call = call;
    this.#sentState = undefined;
    if (this.#handlers.size > 0) this.#watch(true);
    this.#sendState();
  }

  /** Called when the connection is lost. */
  close(): void {
    this.#call = undefined;
    this.#cancelSpacing?.();
    this.#cancelSpacing = undefined;
  }

  /** Called when the room was left. */
  end(): void {
    this.close();
    this.#show(UNWATCHED);
  }

  /** Receives the argument of a `presence` message. */
  receive(argument: unknown): void {
    if (this.#handlers.size === 0) return;
    const next = applyPresence(this.#known, argument);
    // The gateway then sends all members.
    if (next === undefined) this.#watch(true);
    else this.#show(next);
  }

  #show(next: VersionedMembers): void {
    if (this.#known === next) return;
    this.#known = next;
    this.#handlers.call(next.members);
  }

  #watch(isWatching: boolean): void {
    this.#call?.('WatchMembers', this.#dependencies.roomId, isWatching).catch(this.#refused);
  }

  #sendState(): void {
    const { roomId, clock } = this.#dependencies;
    const state = this.#state;
    if (this.#call === undefined || this.#cancelSpacing !== undefined) return;
    if (state === undefined || state === this.#sentState) return;
    this.#sentState = state;
    this.#cancelSpacing = clock.startTimer(() => {
      this.#cancelSpacing = undefined;
      this.#sendState();
    }, STATE_SPACING_MS);
    this.#call('SetPresence', roomId, JSON.parse(state)).catch(this.#refused);
  }

  readonly #refused = (error: unknown): void => {
    // Any other error means that the connection was lost. The next join repeats the calls.
    if (!(error instanceof ClientError)) return;
    const { roomId, report } = this.#dependencies;
    const message = `The presence in room ${roomId} was refused: ${error.message}`;
    report(new ClientError('refused', message, { roomId, cause: error }));
  };
}
