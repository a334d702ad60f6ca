// A simulated gateway whose chat stream loses entries, and clients that handle positions and losses as docs/protocol.md describes.
import { type EntryId, FIRST_ENTRY_ID, type Position, parsePosition } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { vi } from 'vitest';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LossNotices, pendingNoticeGroup } from '../../src/rooms/loss-notices.js';
import type { RoomConnection } from '../../src/rooms/room-connection.js';
import { createReplayWorld } from './replay-world.js';
import { openConnection, roomsDependencies, streamLosses, type TestConnection } from './room-connection.js';
import { unguarded } from './unguarded.js';

const CHAT = 'events:chat';
/** Number of unread messages above which a client counts as too slow. */
const maxUnread = 3;

/** The gateway's end of a connection. */
export interface WorldConnection {
  readonly groups: ReadonlySet<string>;
  join(roomId: string, after: Position | undefined): ReturnType<ConnectionRooms['join']>;
  leave(roomId: string): void;
  send(target: string, argument: unknown): void;
  /** Makes the client read at once what was sent and, unless `isSlow`, what is sent from now on. */
  read(isSlow: boolean): Promise<void>;
  /** Makes the client read no longer. */
  stall(): void;
  /** Ends the connection. The client does not receive what it has not read. */
  end(): void;
  isEnded(): boolean;
  /** True if the client has not read everything that it was sent. */
  hasUnread(): boolean;
}

/** Creates a gateway with real rooms, to which tests open connections. */
export function createLossyWorld() {
  const world = createReplayWorld();
  const { positions, broker, entries, deliver, trimUnread } = world;
  let completeAfter: EntryId = FIRST_ENTRY_ID;
  const isUpTo = (id: EntryId, limit: EntryId): boolean =>
    Number.parseInt(id, 10) <= Number.parseInt(limit, 10);
  // The stream has the delivered events, except those that were trimmed.
  vi.spyOn(broker, 'readRange').mockImplementation(async (_, { upTo, count }) =>
    entries
      .filter(({ id }) => isUpTo(id, upTo ?? id))
      .toReversed()
      .slice(0, count),
  );
  vi.spyOn(broker, 'inspect').mockImplementation(async (stream) => ({
    stream,
    length: entries.length,
    entriesAdded: 1_000,
    firstId: undefined,
    lastId: '1000-0',
    unconsumed: 0,
    pending: 0,
    oldestPendingId: undefined,
    expired: 0,
    deadLetters: 0,
    completeAfter: stream === CHAT ? completeAfter : FIRST_ENTRY_ID,
    timeMs: 0,
  }));
  const clock = fakeClock();
  const lossNotices = new LossNotices({ clock, random: Math.random });
  const losses = streamLosses(world, lossNotices);
  const connections = new Set<WorldConnection>();
  let [opened, closed] = [0, 0];

  /** Opens a connection. `receive` is called with the messages when the client reads them. */
  const connect = (receive: (target: string, argument: unknown) => void): WorldConnection => {
    opened += 1;
    let unread: (() => void)[] = [];
    let [isSlow, hasReported] = [false, false];
    const rooms = new ConnectionRooms(roomsDependencies(world, { lossNotices }));
    const send = (target: string, argument: unknown): void => {
      if (test.isAborted()) return;
      if (!isSlow) {
        receive(target, argument);
        return;
      }
      unread.push(() => receive(target, argument));
      if (unread.length <= maxUnread || hasReported) return;
      // A connection reports once that its queue fills, until the queue is empty.
      hasReported = true;
      void rooms.fallBehind(member).then((action) => {
        if (action !== 'close') return;
        closed += 1;
        connection.end();
      });
    };
    const isReading = (): boolean => !isSlow;
    const test: TestConnection = openConnection(
      { connectionId: `connection ${opened}`, userId: 'u', isReading },
      send,
    );
    const member: RoomConnection = test.connection;
    const connection: WorldConnection = {
      groups: test.groups,
      send,
      join: (roomId, after) => rooms.join(member, unguarded(roomId), after),
      leave: (roomId) => rooms.leave(member, roomId),
      isEnded: test.isAborted,
      hasUnread: () => unread.length > 0,
      stall() {
        isSlow = true;
      },
      async read(isSlowNext) {
        const messages = unread;
        unread = [];
        isSlow = isSlowNext;
        hasReported = false;
        for (const each of messages) each();
        await test.read();
      },
      end() {
        if (test.isAborted()) return;
        connections.delete(connection);
        unread = [];
        test.abort();
        rooms.end(member, false);
      },
    };
    connections.add(connection);
    rooms.begin(member);
    return connection;
  };

  /**
   * Publishes an event in the gateway's order: to memory, then to connections without a pending notice, then to those with one.
   */
  const publish = (content: string, roomId: string, onAdvance?: () => void): void => {
    deliver(content, roomId, onAdvance);
    const send = (group: string, position: string): void => {
      for (const connection of [...connections].filter(({ groups }) => groups.has(group)))
        connection.send('chat_message', { content, position });
    };
    send(roomId, positions.ofRoom(roomId));
    const earlierPositionOf = (stream: string) => lossNotices.positionBefore(stream);
    send(pendingNoticeGroup(roomId), positions.ofRoomAt(roomId, earlierPositionOf));
  };

  const findLoss = (): void => losses.gap(CHAT, 1, false);

  return {
    clock,
    connect,
    publish,
    /** Number of connections that the gateway has closed because their clients read too slowly. */
    closedCount: () => closed,
    /** Loses an entry. The gateway finds the loss before it delivers the next event. */
    loseEntry(): void {
      completeAfter = trimUnread();
      losses.overtaken(CHAT, `${Number.parseInt(completeAfter, 10) + 1}-0`);
      publish('after the gap', 'elsewhere');
    },
    /** Loses an entry. The gateway does not find the loss yet. */
    loseEntryUnnoticed(): void {
      completeAfter = trimUnread();
      publish('after the gap', 'elsewhere');
    },
    /**
     * The gateway finds the losses that it has not noticed yet, by counting: after the newest event (`heartbeat`), or with the next event,
     * before it is delivered (`entry`). Another event follows.
     */
    findLosses(by: 'heartbeat' | 'entry'): void {
      if (by === 'heartbeat') findLoss();
      else publish('counted', 'elsewhere', findLoss);
      publish('after the notice', 'elsewhere');
    },
    /** As `findLosses('heartbeat')`, but no stream moves afterwards. */
    findLossesOfIdleStreams: findLoss,
  };
}

type World = ReturnType<typeof createLossyWorld>;

interface Received {
  readonly content?: string;
  readonly payload?: { readonly content: string };
  readonly position?: string;
  readonly room_id?: string;
}

type JoinAnswer = Awaited<ReturnType<ConnectionRooms['join']>> & { readonly joining: symbol };

interface ClientRoom {
  position: string | undefined;
  /** True if the present connection has answered the join. */
  isJoined: boolean;
  /** The join whose answer was not received yet. */
  joining: symbol | undefined;
}

/** A client that resumes each of its rooms from the newest position that it has received, as `@millrace/client` does. */
export class LossyClient {
  readonly #world: World;
  readonly #rooms = new Map<string, ClientRoom>();
  #connection: WorldConnection | undefined;
  readonly handled = new Set<string>();
  /** The rooms that the client has left, with the positions from which it resumes them. */
  readonly #left = new Map<string, ClientRoom>();
  readonly #onReload: (roomId: string) => void;

  /** @param onReload called whenever the client must load the state of a room */
  constructor(world: World, roomIds: readonly string[], onReload: (roomId: string) => void) {
    this.#world = world;
    this.#onReload = onReload;
    for (const roomId of roomIds)
      this.#rooms.set(roomId, { position: undefined, isJoined: false, joining: undefined });
  }

  get isConnected(): boolean {
    return this.#connection?.isEnded() === false;
  }

  /** Replaces the connection. */
  async connect(): Promise<void> {
    this.#connection?.end();
    this.#connection = this.#world.connect((target, argument) => this.#receive(target, argument as Received));
    for (const room of this.#rooms.values()) Object.assign(room, { isJoined: false, joining: undefined });
    for (const roomId of this.#rooms.keys()) await this.#join(roomId);
  }

  /** Ends the connection. */
  disconnect(): void {
    this.#connection?.end();
  }

  /** Number of joins with a position that was possibly outdated, because the client had unread messages. */
  outdatedJoins = 0;

  /** Joins a room that was left, or joins it once more. */
  async join(roomId: string): Promise<void> {
    const room = this.#rooms.get(roomId) ?? this.#left.get(roomId);
    if (room === undefined || room.joining !== undefined) return;
    if (this.#connection?.hasUnread() === true) this.outdatedJoins += 1;
    this.#left.delete(roomId);
    this.#rooms.set(roomId, room);
    room.isJoined = false;
    await this.#join(roomId);
  }

  leave(roomId: string): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    room.joining = undefined;
    this.#rooms.delete(roomId);
    this.#left.set(roomId, room);
    this.#connection?.leave(roomId);
  }

  /** Reads no longer. */
  stall(): void {
    this.#connection?.stall();
  }

  /** Reads what was sent. */
  async read(isSlow: boolean): Promise<void> {
    await this.#connection?.read(isSlow);
  }

  async #join(roomId: string): Promise<void> {
    const [connection, room] = [this.#connection, this.#rooms.get(roomId)];
    if (connection === undefined || room === undefined) return;
    const { position } = room;
    const joining = Symbol('join');
    room.joining = joining;
    const answered = connection
      .join(roomId, position === undefined ? undefined : parsePosition(position))
      .then((answer) => connection.send('joined', { ...answer, joining }))
      .catch(() => {}); // The client has left the room, or its connection has ended.
    // The join of a slow client may wait until it reads.
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    };
    await Promise.race([answered, turns()]);
  }

  #receive(target: string, argument: Received): void {
    if (target === 'joined') this.#onJoined(argument as JoinAnswer);
    else if (target === 'resync') this.#reload(argument.room_id ?? '');
    else if (target === 'position') this.#noteForAll(argument.position);
    else {
      // The content has the form `<room>:<number>`, for example `lobby:3`.
      const content = argument.content ?? argument.payload?.content ?? '';
      const [roomId = ''] = content.split(':');
      const room = this.#rooms.get(roomId);
      if (room === undefined) return;
      this.handled.add(content);
      room.position = argument.position;
      // The events that arrive before the answer to the join may be older than those of other rooms.
      if (room.isJoined) this.#noteForAll(argument.position);
    }
  }

  #onJoined({ roomId, position, recovered, joining }: JoinAnswer): void {
    const room = this.#rooms.get(roomId);
    // The client may have left the room and joined it again meanwhile.
    if (room === undefined || room.joining !== joining) return;
    room.position = position;
    room.isJoined = true;
    room.joining = undefined;
    if (!recovered) this.#reload(roomId);
  }

  #noteForAll(position: string | undefined): void {
    for (const room of this.#rooms.values()) if (room.isJoined) room.position = position;
  }

  #reload(roomId: string): void {
    if (this.#rooms.has(roomId)) this.#onReload(roomId);
  }
}
