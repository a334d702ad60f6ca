// The rooms that clients of this gateway watch. Reads the announced changes, keeps a view of each room, and sends changes to
// the clients.
import type { PresenceStore } from '@millrace/broker';
import type { PresenceMessage, RoomMembers } from './room-members.js';
import { RoomView, type ViewRules } from './room-view.js';

/** Dependencies of {@link WatchedRooms}. */
export interface WatchedRoomsDependencies {
  readonly store: Pick<PresenceStore, 'read' | 'lastCursor' | 'announcedAfter'>;
  readonly rules: ViewRules;
  monotonicMs(): number;
  /** Sends a message to these connections. */
  send(connectionIds: readonly string[], message: PresenceMessage): void;
  /** True while the connection is too slow. Messages that can be replaced later are then not sent. */
  isLagging(connectionId: string): boolean;
  /**
   * Called before a read removes members.
   * @returns false if the store may have lost them
   */
  confirmStore(room: string): Promise<boolean>;
  /** Called when a room has entries of an ended lease. */
  onStray(room: string, holder: string): void;
}

/** One watched room. */
interface Watched {
  readonly view: RoomView;
  /** The watching connections that have received all members. */
  readonly told: Set<string>;
  /** The watching connections that still have to be sent all members. */
  readonly untold: Set<string>;
  readMs: number;
}

/** Maximum number of rooms that one turn reads. The other rooms are read in the next turns. */
const READS_AT_ONCE = 50;

/** Maximum number of calls for announcements in one turn. Each call returns up to 200 announcements. */
const READS_OF_CHANGES = 20;

/** Milliseconds after which a room is read even if no change was missed. The read finds changes that nobody announced. */
const CHECK_INTERVAL_MS = 30_000;

/** At most the rooms that connections of this gateway have joined. */
export class WatchedRooms {
  readonly #dependencies: WatchedRoomsDependencies;
  readonly #rooms = new Map<string, Watched>();
  /** Cursor of the last applied announcement. `undefined` while nobody watches. */
  #cursor: string | undefined;

  constructor(dependencies: WatchedRoomsDependencies) {
    this.#dependencies = dependencies;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** Sends all members of the room to the connection. From then on, sends every change. */
  watch(room: string, connectionId: string): void {
    const watched = this.#rooms.get(room) ?? this.#add(room);
    watched.told.delete(connectionId);
    watched.untold.add(connectionId);
  }

  unwatch(room: string, connectionId: string): void {
    const watched = this.#rooms.get(room);
    if (watched === undefined) return;
    watched.told.delete(connectionId);
    watched.untold.delete(connectionId);
    if (watched.told.size + watched.untold.size === 0) this.#rooms.delete(room);
  }

  /** Returns the members of a watched room. Returns `undefined` if the room is not watched or was not read yet. */
  members(room: string): RoomMembers | undefined {
    const view = this.#rooms.get(room)?.view;
    return view?.wasRead === true && !view.isStale ? view.members() : undefined;
  }

  /** Reads every room again. Changes may have been missed. */
  markAllStale(): void {
    for (const { view } of this.#rooms.values()) view.isStale = true;
  }

  /** Decides again who counts. Leases have ended. */
  touchAll(): void {
    for (const { view } of this.#rooms.values()) view.touchAll();
  }

  /** Reads the changes and sends them. @throws BrokerError */
  async refresh(): Promise<void> {
    if (this.#rooms.size === 0) {
      this.#cursor = undefined;
      return;
    }
    try {
      await this.#readChanges();
      await this.#readStale();
    } finally {
      for (const watched of this.#rooms.values()) this.#tell(watched);
    }
  }

  #add(room: string): Watched {
    const view = new RoomView(room, this.#dependencies.rules);
    const watched = { view, told: new Set<string>(), untold: new Set<string>(), readMs: 0 };
    this.#rooms.set(room, watched);
    return watched;
  }

  /** Reads the announcements before the rooms. A room that is read later then already contains these changes. */
  async #readChanges(): Promise<void> {
    const { store } = this.#dependencies;
    if (this.#cursor === undefined) {
      this.#cursor = await store.lastCursor();
      this.markAllStale();
    }
    for (let reads = 0; reads < READS_OF_CHANGES; reads += 1) {
      const { cursor, changes, hasGap } = await store.announcedAfter(this.#cursor);
      const isAtEnd = cursor === this.#cursor;
      this.#cursor = cursor;
      if (hasGap) this.markAllStale();
      for (const change of changes) this.#rooms.get(change.room)?.view.apply(change);
      if (isAtEnd || changes.length === 0) return;
    }
  }

  async #readStale(): Promise<void> {
    const dueMs = this.#dependencies.monotonicMs() - CHECK_INTERVAL_MS;
    const stale = [...this.#rooms].filter(([, { view, readMs }]) => view.isStale || readMs < dueMs);
    // Rooms whose members no client has seen yet come first.
    stale.sort(([, a], [, b]) => a.readMs - b.readMs);
    const results = await Promise.allSettled(
      stale.slice(0, READS_AT_ONCE).map(([room, watched]) => this.#read(room, watched)),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async #read(room: string, watched: Watched): Promise<void> {
    const { store, rules, confirmStore, onStray, monotonicMs } = this.#dependencies;
    const { view } = watched;
    const presence = await store.read(room, rules.maxMembers);
    // If the store may have lost members, `confirmStore` makes the rules keep them.
    if (view.wouldRemove(presence)) await confirmStore(room);
    view.replace(presence);
    watched.readMs = monotonicMs();
    for (const holder of view.endedHolders()) onStray(room, holder);
  }

  #tell({ view, told, untold }: Watched): void {
    if (!view.wasRead) return;
    const { send, isLagging } = this.#dependencies;
    // A slow client is sent all members again after it has caught up.
    for (const id of told) {
      if (!isLagging(id)) continue;
      told.delete(id);
      untold.add(id);
    }
    const message = view.takeMessage();
    if (message !== undefined && told.size > 0) send([...told], message);
    const ready = [...untold].filter((id) => !isLagging(id));
    if (ready.length === 0) return;
    send(ready, view.snapshot());
    for (const id of ready) {
      untold.delete(id);
      told.add(id);
    }
  }
}
