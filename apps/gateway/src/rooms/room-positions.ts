// Positions of rooms: which streams a room's position names, and what a client's position means for a room.
import {
  type Broker,
  type EntryId,
  EVERY_SCOPE,
  encodePosition,
  FIRST_ENTRY_ID,
  mayBeEpochOf,
  type Position,
  type StreamPosition,
  type Subscriber,
} from '@millrace/broker';
import type { KnownStream } from '../replay/position-status.js';
import type { StreamPlaceOfClient } from '../replay/position-waiter.js';

/** A part of a client's position that names no stream of this gateway, as far as is known here. */
interface UnknownPart {
  readonly place: StreamPosition;
  /** The stream of the room, as its index, that stands there in this gateway's own positions; -1 for none. */
  readonly index: number;
}

/** A client's position, by what its parts name. */
interface ReadPosition {
  readonly named: ReadonlyMap<string, StreamPosition>;
  readonly unknown: readonly UnknownPart[];
}

/**
 * A room's events stand in the plain streams and in the room's partition of each, so its position names only these: the same
 * for all members of all rooms of that partition. Without partitions every room has the same streams.
 */
export class RoomPositions {
  readonly #broker: Pick<Broker, 'partitioning' | 'options'>;
  readonly #subscriber: () => Pick<Subscriber, 'position' | 'currentPosition' | 'reportedTip'>;

  constructor(
    broker: Pick<Broker, 'partitioning' | 'options'>,
    subscriber: () => Pick<Subscriber, 'position' | 'currentPosition' | 'reportedTip'>,
  ) {
    this.#broker = broker;
    this.#subscriber = subscriber;
  }

  /** Position of a client that has been sent everything of this room handled so far. */
  ofRoom(roomId: string): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return this.#subscriber().position(streams, tag);
  }

  /** One that holds for every room. */
  ofEveryRoom(): string {
    return this.#subscriber().position(undefined, this.#everyScope());
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
   * another room's, or of streams that this gateway does not have.
   *
   * Each part of a position names its stream by its epoch. A part that names none of this gateway's streams is of a stream that only
   * other gateways have, and is ignored, unless it may be a life of one of these that is not known here: then that stream is looked for
   * there, and nothing is taken for seen that was lost. What is not named at all is read from its stored start.
   */
  placesOf(roomId: string, position: Position): readonly StreamPlaceOfClient[] | undefined {
    const own = this.streamsOf(roomId);
    const { named, unknown } = this.#readPosition(position, own);
    const places: StreamPlaceOfClient[] = [];
    for (const [index, stream] of own.entries()) {
      const mayBe = (part: UnknownPart): boolean => mayBeEpochOf(part.place.epoch, stream);
      const place =
        named.get(stream) ??
        (unknown.find((part) => part.index === index && mayBe(part)) ?? unknown.find(mayBe))?.place;
      if (place !== undefined) places.push({ stream, place });
      else if (this.#namesAnotherPartition(named, stream)) return undefined;
      else places.push({ stream, place: this.#startOf(stream), isFromStart: true });
    }
    return places.every(({ isFromStart }) => isFromStart === true) ? undefined : places;
  }

  /** How far this gateway has read a stream, and what it was told of its end. */
  currentOf(stream: string): KnownStream | undefined {
    const [current] = this.#subscriber().currentPosition([stream]);
    return current === undefined ? undefined : { ...current, told: this.#subscriber().reportedTip(stream) };
  }

  /** Everything in the stream up to this entry was delivered. */
  cursorOf(stream: string): EntryId {
    return this.currentOf(stream)?.cursor ?? FIRST_ENTRY_ID;
  }

  /** Position of a client of this room that stands at these cursors of the present epochs. */
  atCursors(roomId: string, cursors: ReadonlyMap<string, EntryId>): string {
    const streams = this.streamsOf(roomId);
    const epochs = this.#subscriber().currentPosition(streams);
    return this.at(roomId, (stream) => ({
      epoch: epochs[streams.indexOf(stream)]?.epoch ?? '',
      cursor: cursors.get(stream) ?? FIRST_ENTRY_ID,
    }));
  }

  /** A position that lists as many streams as the room has, or as the gateway has, lists the same ones in the same order. */
  #readPosition(position: Position, own: readonly string[]): ReadPosition {
    const names = this.#broker.partitioning.streams.map(({ name }) => name);
    const streamOfEpoch = new Map<string, string>();
    for (const name of names) {
      const current = this.currentOf(name);
      for (const epoch of [current?.previousEpoch?.epoch, current?.epoch])
        if (epoch !== undefined) streamOfEpoch.set(epoch, name);
    }
    const order = [own, names].find(({ length }) => length === position.length) ?? [];
    const named = new Map<string, StreamPosition>();
    const unknown: UnknownPart[] = [];
    for (const [index, place] of position.entries()) {
      const stream = streamOfEpoch.get(place.epoch);
      if (stream === undefined) unknown.push({ index: own.indexOf(order[index] ?? ''), place });
      else named.set(stream, place);
    }
    return { named, unknown };
  }

  #namesAnotherPartition(named: ReadonlyMap<string, unknown>, stream: string): boolean {
    const { partitioning } = this.#broker;
    return [...named.keys()].some((other) => partitioning.isSameDeclared(other, stream));
  }

  #startOf(stream: string): StreamPosition {
    return { epoch: this.currentOf(stream)?.epoch ?? '', cursor: FIRST_ENTRY_ID };
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
