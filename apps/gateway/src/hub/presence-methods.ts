// The hub methods of presence. A client sets its state, reads the members of a room, or watches them.
import { BrokerError } from '@millrace/broker';
import { isBroadcastRoom, isReadable, isRoomId } from '@millrace/contract';
import { HubError, method } from '@millrace/signalr';
import type { GrantedRoom, RoomGuard } from '../access/room-guard.js';
import { resolveRoomAlias } from '../auth/room-access.js';
import { clientOf } from '../presence/connection-presence.js';
import type { Presence } from '../presence/presence.js';
import type { RoomMembers } from '../presence/room-members.js';
import type { EventsContext } from './events-context.js';
import { tryAgain } from './try-again.js';

/** The calls of presence that need the right to a room. */
export interface GuardedPresence extends Pick<Presence, 'unwatch'> {
  setState(roomId: GrantedRoom, client: Parameters<Presence['setState']>[1], state: string): void;
  watch(roomId: GrantedRoom, connectionId: string): void;
  snapshot(roomId: GrantedRoom): Promise<RoomMembers>;
}

/** Dependencies of the methods. */
export interface PresenceMethodsDependencies {
  /** `undefined` if presence is switched off. */
  readonly presence: GuardedPresence | undefined;
  readonly guard: Pick<RoomGuard, 'joined'>;
  /** @throws HubError when the client calls too often */
  checkRate(context: EventsContext): void;
}

/** Says why the room of everybody has no members. */
export const NO_PRESENCE_OF_EVERYBODY =
  'The room of everybody ("*") has no members and no states: everybody is in it. Ask for another room.';

/** Maximum size of a state, as JSON in bytes. */
const MAX_STATE_BYTES = 1_024;

/** Creates the hub's methods for presence. They concern rooms that the client has joined. */
export function presenceMethods({ presence, guard, checkRate }: PresenceMethodsDependencies) {
  /** Calls the function with a room that the caller has joined. The caller's personal room counts as joined. */
  const inRoom = <R>(
    context: EventsContext,
    givenRoomId: string,
    use: (room: GrantedRoom) => R | Promise<R>,
  ): R | Promise<R> => {
    const room = guard.joined(context, givenRoomId, { isPersonalJoined: true });
    return typeof room === 'string' ? use(room) : room.then(use);
  };
  return {
    /** Sets the caller's state in a joined room. The members of the room see it. */
    SetPresence: method(
      ([roomId, state]): [string, string] => [roomIdArgument(roomId), stateArgument(state)],
      (context: EventsContext, givenRoomId, state): void | Promise<void> =>
        inRoom(context, givenRoomId, (room) => {
          checkRate(context);
          on(presence).setState(room, clientOf(context), state);
        }),
    ),

    /** Returns the members of a joined room. Returns only their numbers if the members do not fit into one message. */
    GetMembers: method(
      ([roomId]): [string] => [roomIdArgument(roomId)],
      (context: EventsContext, givenRoomId): RoomMembers | Promise<RoomMembers> =>
        inRoom(context, givenRoomId, (room) => readMembers(presence, room)),
    ),

    /**
     * Starts the messages `presence` about a joined room, or stops those about any room. The first message has all members. A second
     * call starts again with all members.
     */
    WatchMembers: method(
      ([roomId, isWatching]): [string, boolean] => [roomIdArgument(roomId), watchingArgument(isWatching)],
      (context: EventsContext, givenRoomId, isWatching): void | Promise<void> => {
        // Needs no right: it only ends messages.
        if (!isWatching)
          return on(presence).unwatch(
            resolveRoomAlias(givenRoomId, context.user.userId),
            context.connectionId,
          );
        return inRoom(context, givenRoomId, (room) => on(presence).watch(room, context.connectionId));
      },
    ),
  };
}

/** @throws HubError (as a rejection) when presence is switched off, or its store is unavailable */
export async function readMembers(
  presence: Pick<GuardedPresence, 'snapshot'> | undefined,
  room: GrantedRoom,
): Promise<RoomMembers> {
  try {
    return await on(presence).snapshot(room);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw tryAgain('The members of this room cannot be read now.', { cause: error });
  }
}

function on<P>(presence: P | undefined): P {
  if (presence !== undefined) return presence;
  throw new HubError('Presence is switched off at this gateway (MILLRACE_PRESENCE).');
}

function roomIdArgument(value: unknown): string {
  if (typeof value === 'string' && isBroadcastRoom(value)) throw new HubError(NO_PRESENCE_OF_EVERYBODY);
  if (typeof value === 'string' && isRoomId(value)) return value;
  throw new HubError(
    'The room ID must be 1 to 256 bytes of text without control characters, and not reserved.',
  );
}

function watchingArgument(value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return value !== false;
  throw new HubError('isWatching must be true or false.');
}

/** Returns the state as JSON text. */
function stateArgument(value: unknown): string {
  const state = value ?? null;
  const text = isReadable(state) && isJson(state) ? jsonOf(state) : undefined;
  if (text === undefined)
    throw new HubError(
      'The state must be JSON that every client can read: at most 59 levels, no field named __proto__, no lone surrogates, and no value that JSON does not have, such as NaN or bytes.',
    );
  if (Buffer.byteLength(text) > MAX_STATE_BYTES)
    throw new HubError(`The state must have at most ${MAX_STATE_BYTES} bytes as JSON.`);
  return text;
}

/**
 * False for a value of MessagePack that JSON does not have: NaN, an infinite number, bytes, an extension, or a timestamp with
 * nanoseconds. It would reach the other members as something else. Other timestamps become text, as JSON clients write them.
 * Called with a readable value, whose nesting is bounded.
 */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Date.prototype) return true;
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  return isPlain && Object.values(value).every(isJson);
}

/** Returns `undefined` for a value that JSON cannot express, such as the big integers of MessagePack. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
