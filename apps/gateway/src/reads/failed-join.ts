// The problems that answer a reader whose join was refused or failed.
import { HubError } from '@millrace/signalr';
import type { Problem } from '../http/problem.js';
import { leftRoom, removedFromRoom } from '../membership/removed-from-room.js';

/** Every hub error about a temporary failure ends with this text (see `tryAgain`). */
const TEMPORARY = 'Try again later.';

const RETRY_AFTER_SECONDS = 1;

/** The problem of a room whose missed events cannot be determined now. */
export const roomUnavailable: Problem = {
  status: 503,
  code: 'room_unavailable',
  detail: `What you missed in this room cannot be determined now. ${TEMPORARY}`,
  retryAfterSeconds: RETRY_AFTER_SECONDS,
};

/** The problem of a user who was removed from the room. */
export const removedReader: Problem = {
  status: 403,
  code: 'room_forbidden',
  detail: removedFromRoom().message,
};

/** Returns the problem for the error of a join. Returns `undefined` if the error is a defect. */
export function problemOfJoin(error: unknown): Problem | undefined {
  if (!(error instanceof HubError)) return undefined;
  const { message: detail } = error;
  if (detail === removedReader.detail) return removedReader;
  if (detail === leftRoom().message) return { status: 403, code: 'room_forbidden', detail };
  if (detail.endsWith(TEMPORARY)) return { ...roomUnavailable, detail };
  return { status: 429, code: 'too_many_rooms', detail, retryAfterSeconds: 10 };
}
