// A room that the components of a page share. It is joined for the first component and left after the last one.
import {
  type BuiltIn,
  type Client,
  ClientError,
  type Room,
  type StateChange,
  type Unsubscribe,
} from '@millrace/client';
import type { RoomView, RoomViewStatus } from '../types.js';
import { SharedState, type StateSource } from './shared-state.js';
import { whileUsed } from './while-used.js';

/** Dependencies of a {@link SharedRoom}. */
export interface SharedRoomDependencies {
  readonly graceMs: () => number;
  /** The position after which to join the room. */
  readonly after: string | undefined;
  /** Called when the room was left. From then on, the object is not used. */
  onLeft(): void;
}

/** Handlers that a component added to the room. */
interface Attachment {
  /** Adds the handlers to a room of the client. */
  readonly attach: (room: Room) => Unsubscribe;
  detach: Unsubscribe;
}

const nothing: Unsubscribe = () => {};

type View = RoomView<BuiltIn>;

/**
 * One room and the components that use it.
 *
 * A client forgets a room in three cases: the gateway refused it, the user was removed from it, or the client was closed before
 * the room was joined. The next connection then joins the room again. This makes a new {@link Room}, to which all handlers are
 * added again.
 */
export class SharedRoom {
  readonly #id: string;
  readonly #client: Client;
  readonly #enter: () => Unsubscribe;
  /** The listeners: one for each hook that shows a part of the room. */
  readonly #listeners = new Set<() => void>();
  readonly #attachments = new Set<Attachment>();
  /** The loaded states by key. Components use them, or used them within the grace. */
  readonly #states = new Map<string, SharedState>();
  readonly #dependencies: SharedRoomDependencies;
  /** Watches the members of the room until the returned function is called. */
  readonly watchMembers: () => Unsubscribe;
  /** The states of this user that components show, by component in the order of their mounts. The last one counts. */
  readonly #ownStates = new Map<object, { readonly state: unknown }>();
  #view: View;
  /** False if the application joined the room itself. The room is then not left. */
  #isOwnJoin = true;

  constructor(id: string, client: Client, dependencies: SharedRoomDependencies) {
    const { graceMs, onLeft } = dependencies;
    this.#id = id;
    this.#client = client;
    this.#dependencies = dependencies;
    this.#view = { id, status: 'joining', error: undefined, room: undefined };
    this.#attach((room) => room.onTypingChange(() => this.#update()));
    this.watchMembers = whileUsed(
      () => this.#attach((room) => room.onMembers(() => this.#update())),
      graceMs,
    );
    this.#enter = whileUsed(() => {
      const leave = this.#start();
      return () => {
        onLeft();
        leave();
      };
    }, graceMs);
  }

  /** The view. It stays the same object until something changes. */
  get view(): View {
    return this.#view;
  }

  /** Uses the room until the returned function is called. Calls the listener when any part of the room has changed. */
  subscribe(listener: () => void): Unsubscribe {
    // The join throws for an ID that no room can have. Nothing must be left of the component then.
    const release = this.#use();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      release();
    };
  }

  /** Uses the room until the returned function is called. `attach` adds handlers before an event can arrive. */
  handle(attach: (room: Room) => Unsubscribe): Unsubscribe {
    const release = this.#use();
    const remove = this.#attach(attach);
    return () => {
      remove();
      release();
    };
  }

  /**
   * Uses the room, and shows a state of this user to its members, until the returned function is called. If the same component then
   * shows another state in the same turn of the event loop, it keeps its place, and the members see no state in between.
   */
  showOwnState(component: object, state: unknown): Unsubscribe {
    const shown = { state };
    this.#ownStates.set(component, shown);
    const release = this.handle((room) => {
      this.#sendOwnState(room);
      return nothing;
    });
    return () => {
      release();
      queueMicrotask(() => {
        if (this.#ownStates.get(component) !== shown) return;
        this.#ownStates.delete(component);
        if (this.#view.room !== undefined) this.#sendOwnState(this.#view.room);
      });
    };
  }

  #sendOwnState(room: Room): void {
    room.setPresence(Array.from(this.#ownStates.values()).at(-1)?.state ?? null);
  }

  /** Returns a state in order to use it. It exists while a component uses it; meanwhile `source` only replaces its functions. */
  state(key: string, source: StateSource): SharedState {
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = new SharedState(source, {
      graceMs: this.#dependencies.graceMs,
      attach: (attach) => this.#attach(attach),
      onChange: () => this.#update(),
      onUnused: () => this.#states.delete(key),
    });
    this.#states.set(key, state);
    return state;
  }

  /** Returns a state if a component uses it. Rendering may call this method. */
  usedState(key: string): SharedState | undefined {
    return this.#states.get(key);
  }

  #attach(attach: (room: Room) => Unsubscribe): Unsubscribe {
    const { room } = this.#view;
    // If the client has forgotten the room, the next connection makes a new one.
    const isUsable = room !== undefined && room.status !== 'left';
    const attachment: Attachment = { attach, detach: isUsable ? attach(room) : nothing };
    this.#attachments.add(attachment);
    return () => {
      this.#attachments.delete(attachment);
      attachment.detach();
    };
  }

  #use(): Unsubscribe {
    const release = this.#enter();
    // A new component asks the gateway again, because the user's rights may have changed.
    if (this.#view.status === 'refused') this.#join();
    return release;
  }

  #start(): Unsubscribe {
    const client = this.#client;
    this.#join();
    const stops = [
      client.onJoin((roomId) => {
        if (roomId === this.#view.room?.id) this.#updateOrJoin();
      }),
      client.onRemoved((roomId) => {
        if (roomId !== this.#view.room?.id) return;
        const message = `This user was removed from room ${roomId}.`;
        this.#update({ error: new ClientError('refused', message, { roomId }) });
      }),
      client.onStateChange((change) => this.#connectionChanged(change)),
    ];
    return () => {
      for (const stop of stops) stop();
      for (const { detach } of this.#attachments) detach();
      if (this.#isOwnJoin) void this.#view.room?.leave();
    };
  }

  #join(): void {
    this.#isOwnJoin = this.#client.room(this.#id) === undefined;
    const { after } = this.#dependencies;
    const room = this.#client.join(this.#id, after === undefined ? {} : { after });
    for (const attachment of this.#attachments) {
      attachment.detach();
      attachment.detach = attachment.attach(room);
    }
    room.joined.catch((error: ClientError) => {
      if (this.#view.room === room && error.code !== 'closed') this.#update({ error });
    });
    this.#update({ room, error: undefined });
  }

  #connectionChanged({ state, previous }: StateChange): void {
    const isOpen = state === 'live' || state === 'resyncing';
    const isNewConnection = isOpen ? previous !== 'resyncing' : state === 'connecting';
    if (isNewConnection) this.#updateOrJoin();
    else this.#update();
  }

  /** Uses the room that the client has now, if the client has forgotten the present one. */
  #updateOrJoin(): void {
    if (this.#view.room?.status === 'left') this.#join();
    else this.#update();
  }

  /** Updates the view and informs the hooks. */
  #update(change: Partial<Pick<View, 'room' | 'error'>> = {}): void {
    const last = this.#view;
    const { room, error } = { ...last, ...change };
    const status = statusOf(room, error);
    if (room !== last.room || error !== last.error || status !== last.status)
      this.#view = { id: this.#id, status, error, room };
    for (const listener of this.#listeners) listener();
  }
}

function statusOf(room: Room | undefined, error: ClientError | undefined): RoomViewStatus {
  if (error !== undefined) return 'refused';
  return room?.status === 'live' ? 'live' : 'joining';
}
