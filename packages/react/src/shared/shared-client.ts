// A client that the components of a page share: one connection, and one join for each room.
import type { Client, ClientState, Unsubscribe } from '@millrace/client';
import { SharedRoom } from './shared-room.js';
import { whileUsed } from './while-used.js';

/** The state of the connection. It stays the same object until one of its fields changes. @beta */
export interface ConnectionView {
  readonly state: ClientState;
  /** The reason why the connection was lost or the client closed. `undefined` if there is none. */
  readonly cause: Error | undefined;
  /** The user's ID from the token. `undefined` before the first connection. */
  readonly userId: string | undefined;
}

/** The state on a server, and without a client. */
export const NO_CONNECTION: ConnectionView = Object.freeze({
  state: 'idle',
  cause: undefined,
  userId: undefined,
});

/** Milliseconds after which an unused room is left and an unused client is closed. */
export const DEFAULT_GRACE_MS = 1_000;

/** The shared clients by the application's client. */
const sharedClients = new WeakMap<object, SharedClient>();

/** Returns the shared client of a client. It is always the same object, so that several providers share the rooms. */
export function sharedClientOf(client: object): SharedClient {
  const known = sharedClients.get(client);
  if (known !== undefined) return known;
  // The hooks restore the static types of events.
  const shared = new SharedClient(client as Client);
  sharedClients.set(client, shared);
  return shared;
}

/** One client, and the rooms that components use. The constructor has no outside effect, so rendering may call it. */
export class SharedClient {
  readonly client: Client;
  graceMs = DEFAULT_GRACE_MS;
  /**
   * Keeps the client connected until the returned function is called. Does not close a client that the application connected.
   */
  readonly open: () => Unsubscribe;
  /** The rooms that components use or used within the grace period. */
  readonly #rooms = new Map<string, SharedRoom>();
  #cause: Error | undefined;
  #view = NO_CONNECTION;

  constructor(client: Client) {
    this.client = client;
    this.open = whileUsed(
      () => this.#connect(),
      () => this.graceMs,
    );
    client.onStateChange(({ cause }) => {
      this.#cause = cause;
    });
  }

  /** The view. It stays the same object until something changes. */
  readonly view = (): ConnectionView => {
    const { state, userId } = this.client;
    const cause = this.#cause;
    const { state: lastState, cause: lastCause, userId: lastUserId } = this.#view;
    if (state !== lastState || cause !== lastCause || userId !== lastUserId)
      this.#view = { state, cause, userId };
    return this.#view;
  };

  /** Calls the listener when {@link view} may have changed. */
  readonly subscribe = (listener: () => void): Unsubscribe => {
    // The answer to the join of the personal room contains the user's ID.
    const stops = [this.client.onStateChange(listener), this.client.onJoin(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  };

  /**
   * Returns a room in order to use it. Only effects may call this method.
   *
   * @param after the position after which to join the room, if no component uses it yet
   */
  room(id: string, after?: string): SharedRoom {
    const known = this.#rooms.get(id);
    if (known !== undefined) return known;
    const room: SharedRoom = new SharedRoom(id, this.client, {
      graceMs: () => this.graceMs,
      after,
      onLeft: () => {
        if (this.#rooms.get(id) === room) this.#rooms.delete(id);
      },
    });
    this.#rooms.set(id, room);
    return room;
  }

  /** Returns a room if a component uses it. Rendering may call this method. */
  usedRoom(id: string): SharedRoom | undefined {
    return this.#rooms.get(id);
  }

  #connect(): Unsubscribe {
    const { client } = this;
    if (client.state !== 'idle' && client.state !== 'closed') return () => {};
    // The states report a failure, so the rejection is ignored.
    void client.connect();
    return () => void client.close();
  }
}
