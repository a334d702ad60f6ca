// The state of a room when a client enters it, in the form of the answer to a join. Pure.
import { type ShownByName, TYPING } from '../indicators/room-indicators.js';
import type { JoinResult } from './room-connection.js';

/** The part of {@link JoinResult} that does not depend on the replay. */
export type RoomSnapshot = Omit<JoinResult, 'recovered' | 'replayed'>;

/** @param shown the users whom indicators show in the room */
export function roomSnapshot(roomId: string, position: string, shown: ShownByName): RoomSnapshot {
  const { [TYPING]: typing = [], ...indicators } = Object.fromEntries(shown);
  const snapshot = { roomId, position, typing };
  return Object.keys(indicators).length === 0 ? snapshot : { ...snapshot, indicators };
}
