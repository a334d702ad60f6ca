// The client to which missed events are replayed, and the outcome for it.
import type { PreparedCall } from '@millrace/signalr';
import type { RoomAccess } from '../membership/revocations.js';
import type { SliceTarget } from './send-slice.js';

/** The client to which events are replayed. */
export interface ReplayTarget extends SliceTarget {
  /** The room whose positions the client uses. */
  readonly roomId: string;
  /** The rooms whose events are sent in one order. All of them are in the streams of `roomId`. @defaultValue `roomId` alone */
  readonly parts?: readonly string[] | undefined;
  /**
   * Called before the first missed event is sent. Resolves to false if the client has disconnected several times right after
   * a replay of these events. They are then not sent.
   */
  mayReplay(firstEventId: string): Promise<boolean>;
  /** Returns the present limits of the client's user in the room. `undefined` if there are none. @defaultValue no limits */
  readonly access?: () => RoomAccess | undefined;
  /**
   * Called as soon as nothing is left to send, in the same turn of the event loop. The client must be sent the room's new
   * events from then on.
   */
  onCaughtUp(): void;
}

/** A point in the events of a room. Every event up to it was sent to the connections that were in the room. */
export interface DeliveryPoint {
  readonly sequence: number;
  /** Generation of the room's streams in the ring, see `ReplayRing.generationOf`. */
  readonly generation: number;
}

/** A room in which a connection lags. The events that the connection missed there are sent from memory. */
export interface LaggingRoom extends ReplayedRooms {
  /** The point up to which the connection was sent the room's events. Moves forward while events are sent. */
  since: DeliveryPoint;
  send(event: PreparedCall): void;
  /**
   * Called as soon as nothing is left to send in any room, in the same turn of the event loop. The client must be sent the room's new
   * events from then on.
   */
  onCaughtUp(): void;
}

/** The parts of a target that decide which events it is sent. */
export type ReplayedRooms = Pick<ReplayTarget, 'roomId' | 'parts' | 'access'>;

/** Outcome of a replay. The client must load the missed events from the backend unless `recovered` is true. */
export interface ReplayOutcome {
  readonly recovered: boolean;
  readonly replayed: number;
}

/**
 * The outcome of `catchUp`. `unknown`: the missed events cannot be determined now, because the broker is unavailable or this
 * gateway has not read as far as the client. No event was sent then, and `onCaughtUp` was not called. The client may retry
 * with the same position.
 */
export type CatchUpOutcome = ReplayOutcome | 'unknown';

/** Returns the rooms whose events a target is sent. */
export function partsOf({ roomId, parts }: ReplayedRooms): readonly string[] {
  return parts ?? [roomId];
}
