// The state of a connection that lags in one room: the events that it was already sent there, and the events that it may be sent.
import { flushAndYield } from './flush-and-yield.js';
import type {
  CatchingUp,
  ConnectionRoomsDependencies,
  ConnectionTarget,
  RoomConnection,
} from './room-connection.js';

/** Returns the state of a connection that begins to lag in a room now. */
export function createCatchingUp(
  { connectionId, user }: RoomConnection,
  room: Pick<CatchingUp, 'roomId' | 'parts' | 'isSlow' | 'shown' | 'send' | 'onCaughtUp'>,
  { deliveryPoint, revocations }: Pick<ConnectionRoomsDependencies, 'deliveryPoint' | 'revocations'>,
): CatchingUp {
  const catchingUp: CatchingUp = {
    ...room,
    connectionId,
    userId: user.userId,
    since: deliveryPoint(room.roomId),
    loss: undefined,
    limitsAtRemoval: undefined,
    access: () => catchingUp.limitsAtRemoval ?? revocations.accessOf(room.roomId, user.userId),
  };
  return catchingUp;
}

/** Returns the target for the replay of a join. `isGone` is true if the connection has ended, left the room or joined it again. */
export function replayTarget(
  connection: RoomConnection,
  catchingUp: CatchingUp,
  isCurrent: () => boolean,
): Omit<ConnectionTarget, 'mayReplay'> {
  return {
    ...catchingUp,
    flushed: () => flushAndYield(connection),
    isGone: () => connection.signal.aborted || !isCurrent(),
  };
}
