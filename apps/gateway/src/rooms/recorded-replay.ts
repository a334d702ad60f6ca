// Records the replay of a join as an attempt (see `ReplayAttempts`).
import { userKey } from '@millrace/internal';
import type { ReplayAttempt } from '../replay/replay-attempts.js';
import type { ConnectionRoomsDependencies, ConnectionTarget, RoomConnection } from './room-connection.js';

/** Dependencies of {@link recordedReplay}. */
export interface ReplayRecording extends Pick<ConnectionRoomsDependencies, 'replayAttempts' | 'monotonicMs'> {
  /** Called when an attempt has begun. */
  onBegun(roomId: string, attempt: ReplayAttempt): void;
}

/** Returns the functions of a replay target that record the replay. */
export function recordedReplay(
  connection: RoomConnection,
  { roomId, send }: Pick<ConnectionTarget, 'roomId' | 'send'>,
  { replayAttempts, monotonicMs, onBegun }: ReplayRecording,
): Pick<ConnectionTarget, 'send' | 'mayReplay'> {
  let attempt: ReplayAttempt | undefined;
  return {
    mayReplay: async (firstEventId) => {
      attempt = await replayAttempts.begin(userKey(connection.user.userId), roomId, firstEventId);
      if (attempt === undefined) return false;
      onBegun(roomId, attempt);
      return true;
    },
    send: (event) => {
      if (attempt !== undefined) attempt.lastMs = monotonicMs();
      send(event);
    },
  };
}
