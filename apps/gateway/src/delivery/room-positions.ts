// Positions of rooms: which streams a room's position names, and what a client's position means for a room.
import {
  type Broker,
  cursorsAfter,
  type EntryId,
  EVERY_SCOPE,
  encodePosition,
  FIRST_ENTRY_ID,
  type Member,
  type Position,
  type StreamPosition,
} from '@millrace/broker';

/**
 * A room's events stand in the plain streams and in the room's partition of each, so its position names only these: the same
 * for all members of all rooms of that partition. Without partitions every room has the same streams.
 */
export class RoomPositions {
  readonly #broker: Pick<Broker, 'partitioning' | 'options'>;
  readonly #member: () => Pick<Member, 'position' | 'currentPosition'>;

  constructor(
    broker: Pick<Broker, 'partitioning' | 'options'>,
    member: () => Pick<Member, 'position' | 'currentPosition'>,
  ) {
    this.#broker = broker;
    this.#member = member;
  }

  /** Position of a client that has been sent everything of this room handled so far. */
  ofRoom(roomId: string): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return this.#member().position(streams, tag);
  }

  /** One that holds for every room. */
  ofEveryRoom(): string {
    return this.#member().position(undefined, this.#isPartitioned() ? EVERY_SCOPE : '');
  }

  /** Position of a client of this room that stands at these places. */
  at(roomId: string, placeOf: (stream: string) => StreamPosition): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return encodePosition(streams.map(placeOf), tag);
  }

  /** The streams in which events of the room may stand. */
  streamsOf(roomId: string): readonly string[] {
    return this.#broker.partitioning.scopeOf(roomId).streams;
  }

  /** Whether events of the room may stand in this stream. In another partition they would be missing from its positions. */
  belongs(roomId: string, stream: string): boolean {
    return !this.#isPartitioned() || this.streamsOf(roomId).includes(stream);
  }

  /**
   * How far a client with this position, of this room or of every room, is in each stream of the room; `undefined`: that cannot be
   * told, the position is another's or from before a loss.
   */
  cursorsOf(roomId: string, position: Position): ReadonlyMap<string, EntryId> | undefined {
    const streams = this.streamsOf(roomId);
    const all = this.#broker.partitioning.streams;
    const isOfEveryRoom = position.length === all.length;
    const own = isOfEveryRoom
      ? position.filter((_, index) => streams.includes(all[index]?.name ?? ''))
      : position;
    const cursors = cursorsAfter(own, this.#member().currentPosition(streams));
    if (cursors === undefined) return undefined;
    return new Map(streams.map((stream, index) => [stream, cursors[index] ?? FIRST_ENTRY_ID]));
  }

  /** Everything in the stream up to this entry was delivered. */
  cursorOf(stream: string): EntryId {
    return this.#member().currentPosition([stream])[0]?.cursor ?? FIRST_ENTRY_ID;
  }

  /** Position of a client of this room that stands at these cursors of the present epochs. */
  atCursors(roomId: string, cursors: ReadonlyMap<string, EntryId>): string {
    const streams = this.streamsOf(roomId);
    const epochs = this.#member().currentPosition(streams);
    return this.at(roomId, (stream) => ({
      epoch: epochs[streams.indexOf(stream)]?.epoch ?? '',
      cursor: cursors.get(stream) ?? FIRST_ENTRY_ID,
    }));
  }

  #isPartitioned(): boolean {
    const { partitioning, options } = this.#broker;
    return partitioning.streams.length > options.streams.length;
  }
}
