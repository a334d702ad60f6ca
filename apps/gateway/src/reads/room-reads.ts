// Every read of a room for a user over HTTP: pages, positions, and the rights to them.
//
// A rule about what a user may read belongs here. Pages and positions come only from here, and the join of a stream or poll
// calls `enter` first. An open stream or poll is a connection of the hub (`hub.connections.ofUser`). A rule that closes or
// filters the connections of a user covers it too.
import type { Position } from '@millrace/broker';
import type { IndicatedUser } from '@millrace/contract';
import type { Admission, GrantedRoom, RoomGuard } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import { shownToUser } from '../indicators/indicator-changes.js';
import { TYPING } from '../indicators/room-indicators.js';
import { pageItem } from '../replay/replay-page.js';
import type { PageLimits } from '../replay/replay-ring.js';
import type { Rooms } from '../rooms/rooms.js';

/** A user and the room that the user may read. */
export interface RoomOfReader {
  readonly user: User;
  readonly roomId: GrantedRoom;
}

/** The content of the answer to a request for a page. */
export interface RoomPage {
  /** The events as JSON text, oldest first. Each has the form in which clients of the hub receive it. */
  readonly events: readonly string[];
  /** The position of a client that has received these events. */
  readonly next: string;
  /**
   * True if no event between the reader's position and `next` is missing. If false, the reader must load the room. Always
   * false without a position.
   */
  readonly recovered: boolean;
  /** True if there are already more events after `next`. */
  readonly hasMore: boolean;
}

/** The users who are shown as typing, as in the answer of `JoinRoom`. */
export interface Indicated {
  readonly typing: readonly IndicatedUser[];
  readonly indicators?: Readonly<Record<string, readonly IndicatedUser[]>>;
}

/** Dependencies of {@link RoomReads}. */
export interface RoomReadsDependencies {
  readonly rooms: Pick<
    Rooms,
    'positions' | 'replay' | 'indicators' | 'lossNotices' | 'revocations' | 'standing'
  >;
  readonly guard: Pick<RoomGuard, 'admit' | 'refusal'>;
  readonly maxPageBytes: number;
  monotonicMs(): number;
}

/** See the comment at the top of this file. */
export class RoomReads {
  readonly #dependencies: RoomReadsDependencies;

  constructor(dependencies: RoomReadsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the ID of the room that a reader names, or why the user may not read it. */
  enter(givenRoomId: string, user: User): Promise<Admission> {
    return this.#dependencies.guard.admit(givenRoomId, user);
  }

  /** Describes why a room is forbidden. */
  get refusal(): string {
    return this.#dependencies.guard.refusal;
  }

  /** Returns the position of a reader that has received every event of the room up to now. */
  position({ roomId }: RoomOfReader): string {
    return this.#dependencies.rooms.positions.ofRoom(roomId);
  }

  /**
   * Reads the events after a position. Without a position, the page has no events and `next` is the room's present position.
   *
   * @returns `unknown` when the events cannot be determined now. The reader may then repeat the request
   */
  async page(
    reader: RoomOfReader,
    after: Position | undefined,
    limits: Pick<PageLimits, 'maxEvents'>,
  ): Promise<RoomPage | 'unknown'> {
    const { rooms, maxPageBytes } = this.#dependencies;
    const { roomId, user } = reader;
    const parts = rooms.standing.partsOf(user.userId, roomId);
    const target = { roomId, parts, access: () => rooms.revocations.accessOf(roomId, user.userId) };
    const page =
      after === undefined
        ? 'lost'
        : await rooms.replay.page(target, after, { ...limits, maxBytes: maxPageBytes });
    if (page === 'unknown') return page;
    if (page === 'lost') return { events: [], next: this.position(reader), recovered: false, hasMore: false };
    return {
      ...page,
      events: page.events.map(({ target, text }) => pageItem(target, text)),
      recovered: true,
    };
  }

  /**
   * Returns the position of a connection that has been sent every event up to now. Returns `undefined` while the connection
   * still has to be told of a loss: a present position would hide the loss.
   */
  positionOfConnection(connectionId: string, reader: RoomOfReader): string | undefined {
    return this.#dependencies.rooms.lossNotices.isPending(connectionId) ? undefined : this.position(reader);
  }

  /** Returns the users whom the reader must show as typing. */
  indicated({ user, roomId }: RoomOfReader): Indicated {
    const { rooms, monotonicMs } = this.#dependencies;
    const shown = shownToUser(rooms.indicators.in(roomId, monotonicMs()), user.userId);
    const { [TYPING]: typing = [], ...indicators } = Object.fromEntries(shown);
    return Object.keys(indicators).length === 0 ? { typing } : { typing, indicators };
  }
}

/**
 * Returns the JSON text of a page. Copies the texts of the events unchanged, because parsing would be slow and would change
 * numbers.
 */
export function pageText(roomId: string, page: RoomPage, indicated: Indicated): string {
  const { events, next, recovered, hasMore } = page;
  const rest = JSON.stringify({ next, recovered, has_more: hasMore, ...indicated });
  return `{"room_id":${JSON.stringify(roomId)},"events":[${events.join(',')}],${rest.slice(1)}`;
}
