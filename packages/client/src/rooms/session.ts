// What holds for one connection only: which rooms are joined on it, in which order the others follow, and how far the
// connection has seen. A new connection gets a new session.
import { backOffDelayMs } from '@millrace/internal';
import { ClientError, isTemporary, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { type CallAnswer, type Connection, call } from '../connection/connection-port.js';
import { type JoinAnswer, readJoinAnswer } from '../delivery/events.js';
import { PositionTracker } from './position-tracker.js';
import type { RoomConnection, UntypedRoom } from './untyped-room.js';

/** Told by a {@link Session}. */
export interface SessionListener {
  /** `isResync`: the room had a position, and what came after it was not sent. */
  onJoined(room: UntypedRoom, answer: JoinAnswer, connection: RoomConnection, isResync: boolean): void;
  /** The gateway does not let this user into a room that was never joined. */
  onRefused(room: UntypedRoom, error: ClientError): void;
  /** Every room that had to be resumed is live again, was left, or is refused for now. */
  onSettled(): void;
}

/** The joins of one connection. A room is: queued → joining → joined; or, refused, waiting → queued. */
export class Session {
  readonly #connection: Connection;
  readonly #options: ResolvedClientOptions;
  readonly #report: ReportError;
  readonly #listener: SessionListener;
  readonly #positions = new PositionTracker();
  /** Bounded, like all of these, by the rooms of the client. */
  readonly #queue = new Set<UntypedRoom>();
  readonly #joining = new Set<UntypedRoom>();
  /** Joining rooms that gave a position: events for them before the answer are those that they missed, in order. */
  readonly #replaying = new Set<UntypedRoom>();
  readonly #joined = new Set<UntypedRoom>();
  readonly #failures = new Map<UntypedRoom, number>();
  readonly #cancelRetries = new Map<UntypedRoom, () => void>();
  /** Rooms that the state `resyncing` waits for. */
  readonly #unsettled = new Set<UntypedRoom>();
  #isOver = false;

  constructor(
    connection: Connection,
    options: ResolvedClientOptions,
    report: ReportError,
    listener: SessionListener,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#report = report;
    this.#listener = listener;
  }

  /** Whether rooms that have to be resumed are still on their way. */
  get isResyncing(): boolean {
    return this.#unsettled.size > 0;
  }

  /** Joins these rooms, in this order; at most `maxJoinsAtOnce` wait for their answer at a time. */
  begin(rooms: Iterable<UntypedRoom>): void {
    for (const room of rooms) {
      if (room.resumeAfter !== undefined) this.#unsettled.add(room);
      this.#queue.add(room);
    }
    this.#pump();
  }

  join(room: UntypedRoom): void {
    this.#queue.add(room);
    this.#pump();
  }

  /** A position came by itself. */
  seePosition(position: string): void {
    this.#positions.see(position);
  }

  /**
   * An event came. One of a room that is still joining may be a replayed old one: its position says nothing about other rooms, but
   * should the connection break now, this room need not begin again from where it began.
   */
  seeEvent(room: UntypedRoom, position: string): void {
    if (this.#joined.has(room)) this.#positions.see(position);
    else if (this.#replaying.has(room)) room.replayedUpTo(position);
  }

  /** Resolves when the gateway has been told, which is not needed for a room that it does not know of. `receipts` still wait for this room. */
  async leave(room: UntypedRoom, receipts: readonly string[]): Promise<void> {
    this.#queue.delete(room);
    this.#cancelRetry(room);
    const isKnown = this.#joining.has(room) || this.#joined.delete(room);
    this.#positions.left(room.id);
    this.#failures.delete(room);
    const isTold = isKnown ? this.#tellLeaving(room, receipts) : undefined;
    this.#settle(room);
    await isTold;
  }

  async #tellLeaving(room: UntypedRoom, receipts: readonly string[]): Promise<void> {
    if (receipts.length > 0) call(this.#connection, 'MarkRead', room.id, receipts).catch(ignore);
    // Refused or cut off: either way the room is not joined any more as far as this client is concerned.
    await call(this.#connection, 'LeaveRoom', room.id).catch(ignore);
  }

  /** The connection is gone: answers that still come are not heard. */
  end(): void {
    this.#isOver = true;
    for (const cancel of this.#cancelRetries.values()) cancel();
  }

  #pump(): void {
    for (const room of this.#queue) {
      if (this.#joining.size >= this.#options.maxJoinsAtOnce) return;
      this.#queue.delete(room);
      this.#joining.add(room);
      this.#callJoin(room, room.resumeAfter);
    }
  }

  #callJoin(room: UntypedRoom, after: string | undefined): void {
    const args = after === undefined ? [room.id] : [room.id, after];
    if (after !== undefined) this.#replaying.add(room);
    this.#connection.invoke('JoinRoom', args, (answer) => {
      this.#replaying.delete(room);
      if (this.#isOver) return;
      if (room.status === 'left') this.#joining.delete(room);
      else this.#answered(room, after, answer);
      this.#pump();
    });
  }

  #answered(room: UntypedRoom, after: string | undefined, answer: CallAnswer): void {
    const isRefused = !answer.ok && answer.error instanceof ClientError && !isTemporary(answer.error);
    if (isRefused && after !== undefined) {
      // Perhaps it is only the position that the gateway does not take.
      this.#callJoin(room, undefined);
      return;
    }
    this.#joining.delete(room);
    const joined = answer.ok ? readJoinAnswer(answer.value) : undefined;
    if (joined !== undefined) this.#completed(room, joined);
    else this.#failed(room, answer.ok ? badAnswer() : answer.error);
  }

  #completed(room: UntypedRoom, answer: JoinAnswer): void {
    this.#failures.delete(room);
    this.#joined.add(room);
    this.#positions.joined(room.id, answer.position);
    const roomConnection: RoomConnection = {
      call: (method, ...args) => call(this.#connection, method, ...args),
      position: () => this.#positions.resumeAfter(room.id),
    };
    this.#listener.onJoined(
      room,
      answer,
      roomConnection,
      room.resumeAfter !== undefined && !answer.recovered,
    );
    this.#settle(room);
  }

  #failed(room: UntypedRoom, error: Error): void {
    if (error instanceof ClientError) {
      const details = { roomId: room.id, cause: error };
      const named = new ClientError(error.code, `Room ${room.id} was not joined: ${error.message}`, details);
      if (!room.wasJoined && error.code === 'refused' && !isTemporary(error)) {
        this.#listener.onRefused(room, named);
        return;
      }
      // Told once a connection, not at every try.
      if (!this.#failures.has(room)) this.#report(named);
    }
    this.#retryLater(room);
    this.#settle(room);
  }

  /** A member is refused when its rights have changed, anybody when the gateway cannot answer now: both may pass. */
  #retryLater(room: UntypedRoom): void {
    const failures = (this.#failures.get(room) ?? 0) + 1;
    this.#failures.set(room, failures);
    const { clock, retry, random } = this.#options;
    const cancel = clock.startTimer(
      () => {
        this.#cancelRetries.delete(room);
        this.join(room);
      },
      backOffDelayMs(failures, retry, random()),
    );
    this.#cancelRetries.set(room, cancel);
  }

  #cancelRetry(room: UntypedRoom): void {
    this.#cancelRetries.get(room)?.();
    this.#cancelRetries.delete(room);
  }

  #settle(room: UntypedRoom): void {
    if (this.#unsettled.delete(room) && this.#unsettled.size === 0 && !this.#isOver)
      this.#listener.onSettled();
  }
}

function badAnswer(): ClientError {
  return new ClientError('bad_message', 'the gateway’s answer was not understood.');
}

function ignore(): void {
  // See the callers.
}
