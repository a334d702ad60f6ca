// Follows the control entries that erase earlier entries of their stream. The gateway forgets these entries, and tells the
// members of the room.
import { type EntryId, FIRST_ENTRY_ID, type StreamPosition } from '@millrace/broker';
import type { EraseControl } from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import type { ControlContext } from '../dispatch/control-entries.js';
import { appendedAtMs } from '../dispatch/freshness.js';
import type { RoomSender } from '../rooms/room-sender.js';
import type { Rooms } from '../rooms/rooms.js';
import { prepareErasedCalls } from './erased-call.js';

/** Dependencies of {@link Erasures}. */
export interface ErasuresDependencies {
  readonly rooms: Pick<Rooms, 'brokerTimeMs'> & {
    readonly lossNotices: Pick<Rooms['lossNotices'], 'positionBefore'>;
    readonly positions: Pick<Rooms['positions'], 'at' | 'currentOf'>;
    readonly replay: Pick<Rooms['replay'], 'erase' | 'rememberCall'>;
  };
  readonly sender: Pick<RoomSender, 'relay'>;
  /** See `Subscriber.noteErased`. */
  noteErased(stream: string, ids: readonly EntryId[]): void;
}

/** Erases entries in the memory of this gateway. */
export class Erasures {
  readonly #dependencies: ErasuresDependencies;

  constructor(dependencies: ErasuresDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Erases the entries. No client is sent their events from then on, even if they are still in the stream. The room's
   * members, and clients that come back to it, get the message `event_erased` at the place of the control entry.
   */
  apply(control: EraseControl, { stream, entry, positionOf }: ControlContext): void {
    const { rooms, sender } = this.#dependencies;
    const { roomId } = control;
    if (positionOf === undefined)
      this.#dependencies.noteErased(
        stream,
        control.entries.map(({ id }) => id),
      );
    rooms.replay.erase(stream, control);
    const callsAt = (of: (stream: string) => StreamPosition): readonly PreparedCall[] =>
      prepareErasedCalls(control, {
        stream,
        id: entry.id,
        positionOf: of,
        encode: (encoded) => rooms.positions.at(roomId, encoded),
      });
    const present = (name: string): StreamPosition => this.#present(name);
    const calls = callsAt(positionOf ?? present);
    const atMs = appendedAtMs(entry, rooms.brokerTimeMs());
    // The messages are stored before they are sent, as events are. A client whose queue they fill continues after the newest
    // stored call.
    for (const call of calls) rooms.replay.rememberCall({ stream, id: entry.id, atMs, roomId, call });
    if (positionOf !== undefined || calls.length === 0) return;
    sender.relay({ roomId, stream, id: entry.id }, calls, () =>
      callsAt((name) => rooms.lossNotices.positionBefore(name) ?? present(name)),
    );
  }

  #present(stream: string): StreamPosition {
    return this.#dependencies.rooms.positions.currentOf(stream) ?? { epoch: '', cursor: FIRST_ENTRY_ID };
  }
}
