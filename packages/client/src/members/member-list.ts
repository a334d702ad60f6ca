// The members of one room, and this user's own state in it.
import { type BackOffOptions, backOffDelayMs, type CancelTimer, type Clock } from '@millrace/internal';
import { ClientError, isTemporary, type ReportError } from '../client-error.js';
import { HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { applyPresence, NO_MEMBERS, type RoomMembers, type VersionedMembers } from './room-members.js';

/** Dependencies of a {@link MemberList}. */
export interface MemberListDependencies {
  readonly roomId: string;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
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
 * The first delay before a repeat is up to 8 s, as after this number of failures. A client with hundreds of rooms, each with a
 * state, would otherwise use up the calls that the gateway allows it.
 */
const FIRST_FAILURE = 3;

/**
 * Watches the members while there is a handler. Without a connection, keeps the last known members until the gateway sends
 * them again. Sets the state again after every join. Repeats a call that the gateway did not take.
 */
export class MemberList {
  readonly #dependencies: MemberListDependencies;
  readonly #handlers: HandlerSet<[members: RoomMembers]>;
  #known = UNWATCHED;
  /** The state as JSON. `undefined` if the application has set none. */
  #state: string | undefined;
  /** The state that was last sent over the present connection, unless the gateway did not take it. */
  #sentState: string | undefined;
  /** The last call of `WatchMembers` over the present connection. `undefined` if the gateway did not take it. */
  #isWatching: boolean | undefined;
  /** Set until the next state may be sent, and calls that failed may be repeated. */
  #cancelPause: CancelTimer | undefined;
  /** Number that decides the delay before a repeat: {@link FIRST_FAILURE}, and one more for each failed call in a row. */
  #failures = FIRST_FAILURE;
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
    this.#watch();
    return () => {
      remove();
      if (this.#handlers.size > 0) return;
      this.#watch();
      this.#known = UNWATCHED;
    };
  }

  setPresence(state: unknown): void {
    const text = JSON.stringify(state ?? null);
    if (typeof text !== 'string')
      throw new ClientError('invalid_argument', 'setPresence needs a JSON value.');
    this.#state = text;
    this.#sendState();
  }

  /** Called when the room was joined, or joined again. */
  open(call: Call): void {
    this.#call = call;
    this.#isWatching = false;
    this.#sentState = undefined;
    this.#failures = FIRST_FAILURE;
    this.#watch();
    this.#sendState();
  }

  /** Called when the connection is lost. */
  close(): void {
    this.#call = undefined;
    this.#cancelPause?.();
    this.#cancelPause = undefined;
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
    if (next !== undefined) {
      this.#show(next);
      return;
    }
    // The gateway then sends all members.
    this.#isWatching = undefined;
    this.#watch();
  }

  #show(next: VersionedMembers): void {
    if (this.#known === next) return;
    this.#known = next;
    this.#handlers.call(next.members);
  }

  #watch(): void {
    const isWatching = this.#handlers.size > 0;
    if (this.#call === undefined || isWatching === this.#isWatching) return;
    this.#isWatching = isWatching;
    this.#send('WatchMembers', isWatching, () => {
      this.#isWatching = undefined;
    });
  }

  #sendState(): void {
    const state = this.#state;
    if (this.#call === undefined || this.#cancelPause !== undefined) return;
    if (state === undefined || state === this.#sentState) return;
    this.#sentState = state;
    this.#pause(STATE_SPACING_MS);
    this.#send('SetPresence', JSON.parse(state), () => {
      this.#sentState = undefined;
    });
  }

  /** @param onNotTaken called if the call must be repeated after a pause */
  #send(method: string, argument: unknown, onNotTaken: () => void): void {
    const { roomId, retry, random, report } = this.#dependencies;
    const call = this.#call;
    call?.(method, roomId, argument).then(
      () => {
        this.#failures = FIRST_FAILURE;
      },
      (cause: Error) => {
        // The connection was lost. The next join repeats the calls.
        if (call !== this.#call) return;
        if (cause instanceof ClientError && !isTemporary(cause)) {
          const message = `The presence in room ${roomId} was refused: ${cause.message}`;
          report(new ClientError('refused', message, { roomId, cause }));
          return;
        }
        onNotTaken();
        this.#pause(backOffDelayMs(this.#failures++, retry, random()));
      },
    );
  }

  #pause(delayMs: number): void {
    this.#cancelPause?.();
    this.#cancelPause = this.#dependencies.clock.startTimer(() => {
      this.#cancelPause = undefined;
      this.#watch();
      this.#sendState();
    }, delayMs);
  }
}
