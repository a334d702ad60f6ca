// The time in which the client of a connection reads too slowly. The connection lags in its rooms until it was sent what it missed.
import type { BackpressureAction } from '@millrace/signalr';
import { EVENTS_NOTICES } from './connection-notices.js';
import { flushAndYield } from './flush-and-yield.js';
import type { LossReason } from './loss-notices.js';
import type { CatchingUp, ConnectionRoomsDependencies, RoomConnection } from './room-connection.js';

/** The rooms of the connection, as they are used by a {@link SlowPeriod}. */
export interface SlowRooms {
  /** Returns the rooms in which the connection lags, including those that it joins with a position. */
  lagging(): readonly CatchingUp[];
  /** Makes the connection present in a room in which it has caught up. */
  enter(room: CatchingUp): void;
  /** Makes the connection leave a room from which its user was removed. */
  expel(roomId: string): void;
  /** Called in the turn of the event loop in which the period ends. */
  onEnd(): void;
}

type SlowPeriodDependencies = Pick<
  ConnectionRoomsDependencies,
  'catchUpFromMemory' | 'deliveryPoint' | 'notices' | 'positionOfEveryRoom'
>;

/**
 * The states of a period:
 *
 * ```
 * catching up ── the queue of the client fills again ──▶ behind again ── the client has read its queue ──▶ catching up
 * ```
 * It ends when the connection lags in no room, when it has ended, or when memory no longer has the events that must be sent next.
 */
export class SlowPeriod {
  readonly #connection: RoomConnection;
  readonly #dependencies: SlowPeriodDependencies;
  readonly #rooms: SlowRooms;
  #isBehindAgain = false;

  constructor(connection: RoomConnection, dependencies: SlowPeriodDependencies, rooms: SlowRooms) {
    this.#connection = connection;
    this.#dependencies = dependencies;
    this.#rooms = rooms;
  }

  /** Records that the queue of the client has filled again. */
  noteBehindAgain(): void {
    this.#isBehindAgain = true;
  }

  /**
   * Catches up in all rooms together. A client may resume each of its rooms from the position of the newest event of any room. So no
   * event may overtake an earlier one of another room.
   *
   * @returns `close` if memory no longer has the events that must be sent next
   */
  async run(): Promise<BackpressureAction> {
    const isGone = (): boolean => this.#connection.signal.aborted;
    const flushed = (): Promise<void> => flushAndYield(this.#connection);
    const nextRooms = (): readonly CatchingUp[] => this.#nextRooms();
    try {
      do {
        // A client that fell behind again must read first. Until its queue is empty, it does not report again that it fills.
        await flushed();
        this.#isBehindAgain = false;
        const { recovered } = await this.#dependencies.catchUpFromMemory(nextRooms, { flushed, isGone });
        if (!recovered && !isGone()) return 'close';
      } while (!isGone() && this.#slowRooms().length > 0);
      return 'keep';
    } finally {
      this.#rooms.onEnd();
    }
  }

  /** Ends the lag of the connection in a room in which nothing is left to send. */
  end(room: CatchingUp): void {
    // The indicator changes of another room have filled the queue again. The connection keeps lagging in this room, too.
    if (this.#isBehindAgain) return;
    if (room.limitsAtRemoval === undefined) this.#rooms.enter(room);
    else this.#rooms.expel(room.roomId);
  }

  #slowRooms(): readonly CatchingUp[] {
    return this.#rooms.lagging().filter(({ isSlow }) => isSlow);
  }

  /** Returns the rooms of the next slice. The client is told of losses first, because the events after a loss have positions that hide it. */
  #nextRooms(): readonly CatchingUp[] {
    if (!this.#connection.signal.aborted) this.#tellLosses();
    return this.#slowRooms();
  }

  /**
   * Tells the client of the losses of which it was not told yet. It loads the state of these rooms afterwards, so that the earlier events
   * are not sent. A position follows if it is valid for all rooms. A client that comes back with it is not told again.
   */
  #tellLosses(): void {
    const { notices = EVENTS_NOTICES } = this.#dependencies;
    const lagging = this.#rooms.lagging();
    const isValidForAll = lagging.every(({ loss }) => loss !== undefined);
    const reasons = new Map<string, LossReason>();
    for (const room of lagging) {
      const { loss, limitsAtRemoval, roomId } = room;
      if (loss === undefined) continue;
      room.loss = undefined;
      room.since = this.#dependencies.deliveryPoint(roomId);
      // The user was removed from the room, and is told so.
      if (limitsAtRemoval === undefined) reasons.set(roomId, loss);
    }
    if (reasons.size === 0) return;
    notices.resync(this.#connection, reasons);
    if (isValidForAll) notices.position(this.#connection, this.#dependencies.positionOfEveryRoom());
  }
}
