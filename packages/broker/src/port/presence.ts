// The port for the presence of users in rooms. Presence is not history: it has its own keys and adds nothing to streams or
// positions. Each method is one atomic step. The gateway combines the steps so that each may be repeated, and so that a
// missing step is made up for later.

/** One connection of a user in a room. Also a lost connection within the grace. @beta */
export interface PresentConnection {
  /** Identifies the connection among those of its user: 1 to 64 characters of `A-Z`, `a-z`, `0-9`, `_` and `-`. */
  readonly key: string;
  /** The lease under which the connection was written. See `PresenceLease.holder`. */
  readonly holder: string;
  /** Store time at which the connection entered the room, in whole milliseconds. */
  readonly enteredMs: number;
  /** True if the connection was lost and may come back. */
  readonly isHeld: boolean;
  /** Store time at which the state was set, in whole milliseconds. 0 if it was never set. */
  readonly stateMs: number;
  /** The state as JSON text. */
  readonly state: string;
  /** Describes the user as JSON text, which the store does not read. */
  readonly about: string;
}

/** One user in a room, with at least one connection. @beta */
export interface PresentUser {
  /** ID of the user in the form in which IDs are compared: 1 to 1,024 characters. */
  readonly user: string;
  /** Store time at which the user entered the room. Unchanged while a connection of the user is there or is held. */
  readonly sinceMs: number;
  readonly connections: readonly PresentConnection[];
}

/** A change that a gateway wants to make to one connection in a room. @beta */
export type PresenceEdit =
  /**
   * Adds or replaces the connection. The previous state stays unless the new one was set later. A connection with a new key
   * replaces a held connection of the same user and takes over its state: usually it is the same client.
   */
  | { readonly user: string; readonly connection: Omit<PresentConnection, 'holder'> }
  /** Removes the connection if the present holder wrote it. */
  | { readonly user: string; readonly removedKey: string };

/** The state of some users after a step. @beta */
export interface PresenceChange {
  readonly room: string;
  /** The version of the room before the step. 0 if nobody was in it. */
  readonly before: number;
  /**
   * The version after the step. It rises with every step that changes anything, even if the room was empty or lost in
   * between. Equal to `before` if nothing changed.
   */
  readonly version: number;
  readonly users: number;
  readonly connections: number;
  /** The users whom the step concerned, as they are now. */
  readonly present: readonly PresentUser[];
  /** Those of them who are not in the room. */
  readonly absent: readonly string[];
}

/** The users of a room, or only their numbers. @beta */
export interface RoomPresence {
  /** 0 if nobody is in the room. */
  readonly version: number;
  readonly users: number;
  readonly connections: number;
  /** `undefined` if the room has more than `maxUsers`. */
  readonly present: readonly PresentUser[] | undefined;
}

/**
 * A lease of a gateway. All entries that the gateway writes under it carry `holder`. An ended lease never lives again.
 * @beta
 */
export interface PresenceLease {
  /** Unique text `<number>-<random>`. Each new lease gets a higher number, even after the store has lost the leases. */
  readonly holder: string;
  /** Store time at which the lease ends unless it is renewed, in whole milliseconds. */
  readonly endsMs: number;
}

/** The leases at one moment. @beta */
export interface PresenceLeases {
  /** The renewed lease. `undefined` if it has ended or was lost. */
  readonly lease: PresenceLease | undefined;
  readonly timeMs: number;
  readonly live: readonly string[];
  /** Leases that have ended. Their entries must be swept. */
  readonly ended: readonly string[];
}

/** Changes that were announced after a cursor. @beta */
export interface AnnouncedChanges {
  readonly cursor: string;
  readonly changes: readonly PresenceChange[];
  /** True if announcements may be missing. The reader must then read its rooms again. */
  readonly hasGap: boolean;
}

/** Limits of every presence store. @beta */
export const PRESENCE_LIMITS = Object.freeze({
  /** Maximum number of edits in one `write`. */
  maxEdits: 500,
  /** Maximum number of changes in one `announce`. */
  maxChanges: 500,
  /** Approximate number of announcements that are kept. A reader that is further behind gets `hasGap`. */
  maxAnnouncements: 2_000,
  /** Milliseconds after the last announcement until all announcements are forgotten. */
  announcementsMs: 600_000,
  /** Milliseconds after the last `write` to a room until the room is forgotten. Gateways repeat their entries more often. */
  roomMs: 600_000,
});

/**
 * The users in each room.
 *
 * Guarantees:
 * - Each method is atomic per room. The steps of one gateway are taken in the order of its calls.
 * - `write` does nothing after the end of the lease. Otherwise a gateway that stalled could add entries to a lease that
 *   others have swept. On a cluster, the clock of the room's node decides. If the clocks of two nodes differ, an ended lease
 *   may therefore get late entries; `PresentConnection.holder` shows them.
 * - Every step may be repeated.
 *
 * The order of the steps makes it safe to stop between them. A gateway adds a room to its index before it writes to the room.
 * It removes the room from the index after its last connection has left. Therefore the index of a lease names every room with
 * entries of the lease, and sometimes one more.
 * @beta
 */
export interface PresenceStore {
  /** Begins a lease of `leaseMs` with a new holder, or renews a lease. */
  renew(request: { readonly holder?: string; readonly leaseMs: number }): Promise<PresenceLeases>;

  /** Adds rooms to the index of a lease. The index is forgotten `roomMs` after the last addition. */
  addToIndex(holder: string, rooms: readonly string[]): Promise<void>;

  /** Removes rooms from the index of a lease. */
  removeFromIndex(holder: string, rooms: readonly string[]): Promise<void>;

  /** Resolves to up to `count` random rooms of a lease's index. */
  indexed(holder: string, count: number): Promise<readonly string[]>;

  /** Forgets an ended lease if its index is empty. */
  forget(holder: string): Promise<void>;

  /** Edits a room under a lease. Resolves to `undefined` and changes nothing if the lease has ended. */
  write(
    room: string,
    lease: PresenceLease,
    edits: readonly PresenceEdit[],
  ): Promise<PresenceChange | undefined>;

  /**
   * Removes the connections of a lease from a part of a room.
   * @param cursor '' for the first part, then the cursor of the last answer. The answer to the last part has no cursor
   */
  sweep(
    room: string,
    holder: string,
    cursor: string,
  ): Promise<{ readonly change: PresenceChange; readonly cursor: string | undefined }>;

  /** Resolves to the users of a room. Resolves to their numbers if there are more than `maxUsers`. */
  read(room: string, maxUsers: number): Promise<RoomPresence>;

  /** Resolves to the connections of one user in a room. Resolves to `undefined` if the user is not in the room. */
  readUser(room: string, user: string): Promise<PresentUser | undefined>;

  /** Announces changes to all gateways. */
  announce(changes: readonly PresenceChange[]): Promise<void>;

  /** Resolves to the cursor after the last announcement. */
  lastCursor(): Promise<string>;

  /** Resolves to the oldest announced changes after a cursor. */
  announcedAfter(cursor: string): Promise<AnnouncedChanges>;
}
