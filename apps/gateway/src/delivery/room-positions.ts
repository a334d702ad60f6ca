// Positions of rooms: which streams a room's position names, and what a client's position means for a room.
import {
  type Broker,
  type EntryId,
  EVERY_SCOPE,
  encodePosition,
  FIRST_ENTRY_ID,
  type Member,
  type Position,
  type StreamPosition,
} from '@millrace/broker';
import type { StreamPlaceOfClient } from '../replay/reached-positions.js';
import type { KnownStream } from '../replay/standing.js';

/**
 * A room's events stand in the plain streams and in the room's partition of each, so its position names only these: the same
 * for all members of all rooms of that partition. Without partitions every room has the same streams.
 */
export class RoomPositions {
  readonly #broker: Pick<Broker, 'partitioning' | 'options'>;
  readonly #member: () => Pick<Member, 'position' | 'currentPosition' | 'told'>;

  constructor(
    broker: Pick<Broker, 'partitioning' | 'options'>,
    member: () => Pick<Member, 'position' | 'currentPosition' | 'told'>,
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
    return this.#member().position(undefined, this.#everyScope());
  }

  /** The same two, of a client that still stands at these places in some streams. */
  ofRoomAt(roomId: string, placeOf: (stream: string) => StreamPosition | undefined): string {
    return this.at(roomId, (stream) => placeOf(stream) ?? this.#present(stream));
  }

  ofEveryRoomAt(placeOf: (stream: string) => StreamPosition | undefined): string {
    const places = this.#broker.partitioning.streams.map(({ name }) => placeOf(name) ?? this.#present(name));
    return encodePosition(places, this.#everyScope());
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
   * The place of a client with this position, of this room or of every room, in each stream of the room; `undefined`: the position is
   * another room's.
   */
  placesOf(roomId: string, position: Position): readonly StreamPlaceOfClient[] | undefined {
    const streams = this.streamsOf(roomId);
    const all = this.#broker.partitioning.streams;
    const isOfEveryRoom = position.length === all.length;
    const own = isOfEveryRoom
      ? position.filter((_, index) => streams.includes(all[index]?.name ?? ''))
      : position;
    if (own.length !== streams.length) return undefined;
    return own.map((place, index) => ({ stream: streams[index] ?? '', place }));
  }

  /** How far this gateway has read a stream, and what it was told of its end. */
  currentOf(stream: string): KnownStream | undefined {
    const [current] = this.#member().currentPosition([stream]);
    return current === undefined ? undefined : { ...current, told: this.#member().told(stream) };
  }

  /** Everything in the stream up to this entry was delivered. */
  cursorOf(stream: string): EntryId {
    return this.currentOf(stream)?.cursor ?? FIRST_ENTRY_ID;
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

  #present(stream: string): StreamPosition {
    return this.currentOf(stream) ?? { epoch: '', cursor: FIRST_ENTRY_ID };
  }

  #everyScope(): string {
    return this.#isPartitioned() ? EVERY_SCOPE : '';
  }

  #isPartitioned(): boolean {
    const { partitioning, options } = this.#broker;
    return partitioning.streams.length > options.streams.length;
  }
}
