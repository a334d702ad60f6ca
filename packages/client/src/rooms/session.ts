// The joins of one connection: the joined rooms, the rooms that wait for their join, and the positions that the connection
// has seen. Each new connection gets a new session.
import { backOffDelayMs, type CancelTimer } from '@millrace/internal';
import { ClientError, isInvalidRoom, isRemoval, isTemporary, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { type CallAnswer, type Connection, call } from '../connection/connection-port.js';
import { type JoinAnswer, readJoinAnswer } from '../delivery/events.js';
import { PositionTracker } from './position-tracker.js';
import type { RoomConnection, UntypedRoom } from './untyped-room.js';

/** The ID of the room of everybody. */
export const EVERYBODY = '*';

/** Called by a {@link Session}. */
export interface SessionListener {
  /**
   * Called when a room was joined. `isResync` is true if the room had a position, but the gateway did not send all events
   * after it.
   */
  onJoined(room: UntypedRoom, answer: JoinAnswer, connection: RoomConnection, isResync: boolean): void;
  /** Called when the gateway refused to let this user into a room that was never joined, or into the room of everybody. */
  onRefused(room: UntypedRoom, error: ClientError): void;
  /** Called when the gateway refused a room because this user was removed from it. Ends the room, unless it is a standing one. */
  onRemoved(room: UntypedRoom): void;
  /** Called when every room that had to be resumed is live again, was left, or was refused for now. */
  onSettled(): void;
}

/** The joins of one connection. States of a room: queued → joining → joined. After a refusal: joining → waiting → queued. */
export class Session {
  readonly #connection: Connection;
  readonly #options: ResolvedClientOptions;
  readonly #report: ReportError;
  readonly #listener: SessionListener;
  readonly #positions = new PositionTracker();
  /**
   * The rooms whose join was not sent yet. This and the following collections have at most as many entries as the client has
   * rooms.
   */
  readonly #queue = new Set<UntypedRoom>();
  /**
   * The rooms whose join was sent and not answered yet. The value is true for a join with a position. The events that arrive for
   * such a room are the missed events, in order.
   */
  readonly #joining = new Map<UntypedRoom, boolean>();
  /** The rooms whose last join failed. */
  readonly #failed = new Map<UntypedRoom, { readonly failures: number; readonly cancelRetry: CancelTimer }>();
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

  /** True until every room that has to be resumed is live. */
  get isResyncing(): boolean {
    return this.#unsettled.size > 0;
  }

  /** Joins these rooms in this order. At most `maxJoinsAtOnce` joins wait for their answers at a time. */
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

  /** Records a position that arrived without an event. */
  seePosition(position: string): void {
    this.#positions.see(position);
  }

  /**
   * Records the position of an event that arrived. The event of a room that is still joining may be a replayed old event. Its
   * position is then valid only for its own room.
   */
  seeEvent(room: UntypedRoom, position: string): void {
    if (room.status === 'live') this.#positions.see(position);
    else if (this.#joining.get(room) === true) room.replayedUpTo(position);
  }

  /**
   * Leaves a room. Resolves when the gateway has answered, or at once if the room's join was never sent.
   *
   * @param receipts read receipts that were not sent yet
   */
  async leave(room: UntypedRoom, receipts: readonly string[]): Promise<void> {
    const isOnGateway = this.#joining.has(room) || this.#positions.resumeAfter(room.id) !== undefined;
    this.#forget(room);
    const leaveCall = isOnGateway ? this.#callLeave(room, receipts) : undefined;
    this.#settle(room);
    await leaveCall;
  }

  /** Forgets a room that the gateway has left for this connection. */
  removed(room: UntypedRoom): void {
    this.#forget(room);
    this.#settle(room);
  }

  #forget(room: UntypedRoom): void {
    this.#queue.delete(room);
    this.#positions.left(room.id);
    this.#failed.get(room)?.cancelRetry();
    this.#failed.delete(room);
  }

  async #callLeave(room: UntypedRoom, receipts: readonly string[]): Promise<void> {
    if (receipts.length > 0) call(this.#connection, 'MarkRead', room.id, receipts).catch(ignore);
    // The result does not matter, because the client has already removed the room.
    await call(this.#connection, 'LeaveRoom', room.id).catch(ignore);
  }

  /** Ends the session, because the connection is lost. Later answers are ignored. */
  end(): void {
    this.#isOver = true;
    for (const { cancelRetry } of this.#failed.values()) cancelRetry();
  }

  #pump(): void {
    for (const room of this.#queue) {
      if (this.#joining.size >= this.#options.maxJoinsAtOnce) return;
      this.#queue.delete(room);
      this.#callJoin(room, room.resumeAfter);
    }
  }

  #callJoin(room: UntypedRoom, after: string | undefined): void {
    const args = after === undefined ? [room.id] : [room.id, after];
    this.#joining.set(room, after !== undefined);
    this.#connection.invoke('JoinRoom', args, (answer) => {
      if (this.#isOver) return;
      if (room.status === 'left') this.#joining.delete(room);
      else this.#answered(room, after, answer);
      this.#pump();
    });
  }

  #answered(room: UntypedRoom, after: string | undefined, answer: CallAnswer): void {
    const isRefused = !answer.ok && answer.error instanceof ClientError && !isTemporary(answer.error);
    if (isRefused && after !== undefined) {
      // The gateway may have refused only the position.
      this.#callJoin(room, undefined);
      return;
    }
    this.#joining.delete(room);
    const joined = answer.ok ? readJoinAnswer(answer.value) : undefined;
    if (joined !== undefined) this.#completed(room, joined);
    else this.#onFailure(room, answer.ok ? badAnswer() : answer.error);
  }

  #completed(room: UntypedRoom, answer: JoinAnswer): void {
    this.#failed.delete(room);
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

  #onFailure(room: UntypedRoom, error: Error): void {
    if (error instanceof ClientError) {
      const wasRemoved = isRemoval(error);
      if (wasRemoved) this.#listener.onRemoved(room);
      if (room.status === 'left') return;
      const details = { roomId: room.id, cause: error };
      const named = new ClientError(error.code, `Room ${room.id} was not joined: ${error.message}`, details);
      // A gateway of an earlier build refuses the ID of the room of everybody. Any other refusal of this room is a fault.
      const isFinal = room.id === EVERYBODY ? isInvalidRoom(error) : !room.wasJoined && !wasRemoved;
      if (isFinal && error.code === 'refused' && !isTemporary(error)) {
        this.#listener.onRefused(room, named);
        this.#settle(room);
        return;
      }
      // Reports the error once per connection, not for every attempt.
      if (!this.#failed.has(room)) this.#report(named);
    }
    this.#retryLater(room);
    this.#settle(room);
  }

  /**
   * Tries again later, because the refusal may be temporary. For example, the user may get rights in the room, or the gateway
   * could not decide.
   */
  #retryLater(room: UntypedRoom): void {
    const failures = (this.#failed.get(room)?.failures ?? 0) + 1;
    const { clock, retry, random } = this.#options;
    const delayMs = backOffDelayMs(failures, retry, random());
    this.#failed.set(room, { failures, cancelRetry: clock.startTimer(() => this.join(room), delayMs) });
  }

  #settle(room: UntypedRoom): void {
    if (this.#unsettled.delete(room) && this.#unsettled.size === 0 && !this.#isOver)
      this.#listener.onSettled();
  }
}

function badAnswer(): ClientError {
  return new ClientError('bad_message', 'the client cannot read the answer.');
}

function ignore(): void {
  // Each caller explains why the error does not matter.
}
