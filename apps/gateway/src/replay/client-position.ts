// Reads a position that a client presents.
import { BrokerError, type Position, parsePosition } from '@millrace/broker';

/**
 * Replaces a position that a later build gave out, for example before a rollback. The empty position matches no stream, so
 * the answer tells the client to load the room from the backend.
 */
const OF_LATER_BUILD: Position = [];

/** Returns the position. Returns `undefined` if no gateway gave it out. */
export function readClientPosition(value: unknown): Position | undefined {
  try {
    return parsePosition(value);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return error.code === 'later_position' ? OF_LATER_BUILD : undefined;
  }
}
