// Positions of rooms: the streams that a room's position names, and the meaning of a client's position for a room.
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
import type { ClientStreamPosition } from '../replay/position-waiter.js';

/** A part of a client's position whose epoch is none of this gateway's streams, as far as this gateway knows. */
interface UnknownPart {
  readonly position: StreamPosition;
  /** Index of the room's stream that this gateway's own positions have at the same place; -1 for none. */
  readonly index: number;
}

/** A client's position, by the streams that its parts name. */
interface ReadPosition {
  readonly named: ReadonlyMap<string, StreamPosition>;
  readonly unknown: readonly UnknownPart[];
}

/**
 * A room's events are in the plain streams and in the room's partition of each, so its position names only these: the same
 * for all clients of all rooms of that partition. Without partitions every room has the same streams.
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

  /** Position that holds for every room. */
  ofEveryRoom(): string {
    return this.#subscriber().position(undefined, this.#everyScope());
  }

  /** As `ofRoom`, for a client that has an earlier position in some streams. */
  ofRoomAt(roomId: string, earlierPositionOf: (stream: string) => StreamPosition | undefined): string {
    return this.at(roomId, (stream) => earlierPositionOf(stream) ?? this.#present(stream));
  }

  /** As `ofEveryRoom`, for a client that has an earlier position in some streams. */
  ofEveryRoomAt(earlierPositionOf: (stream: string) => StreamPosition | undefined): string {
    const parts = this.#broker.partitioning.streams.map(
      ({ name }) => earlierPositionOf(name) ?? this.#present(name),
    );
    return encodePosition(parts, this.#everyScope());
  }

  /** Position of a client of this room that has these positions in its streams. */
  at(roomId: string, positionOf: (stream: string) => StreamPosition): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return encodePosition(streams.map(positionOf), tag);
  }

  /** The streams that may hold events of the room. */
  streamsOf(roomId: string): readonly string[] {
    return this.#broker.partitioning.scopeOf(roomId).streams;
  }

  /** True when this stream may hold events of the room. Events in another partition would be missing from the room's positions. */
  belongs(roomId: string, stream: string): boolean {
    return !this.#isPartitioned() || this.streamsOf(roomId).includes(stream);
  }

  /**
   * The client's position in each stream of the room, from a position of this room or of every room. `undefined`: the position is
   * another room's, or names no stream of this gateway.
   *
   * Each part of a position names its stream by its epoch. A part that names none of this gateway's streams belongs to a stream that
   * only other gateways have, and is ignored. The exception: it may be an epoch of one of these streams that this gateway does not know.
   * Then it counts as the position in that stream, so that nothing that was lost counts as seen. A stream that no part names is read
   * from its stored start.
   */
  streamPositionsOf(roomId: string, position: Position): readonly ClientStreamPosition[] | undefined {
    const own = this.streamsOf(roomId);
    const { named, unknown } = this.#readPosition(position, own);
    const found: ClientStreamPosition[] = [];
    for (const [index, stream] of own.entries()) {
      const mayBe = (part: UnknownPart): boolean => mayBeEpochOf(part.position.epoch, stream);
      const streamPosition =
        named.get(stream) ??
        (unknown.find((part) => part.index === index && mayBe(part)) ?? unknown.find(mayBe))?.position;
      if (streamPosition !== undefined) found.push({ stream, position: streamPosition });
      else if (this.#namesAnotherPartition(named, stream)) return undefined;
      else found.push({ stream, position: this.#startOf(stream), isFromStart: true });
    }
    return found.every(({ isFromStart }) => isFromStart === true) ? undefined : found;
  }

  /** How far this gateway has read a stream, and what the last heartbeat reported of the stream's end. */
  currentOf(stream: string): KnownStream | undefined {
    const [current] = this.#subscriber().currentPosition([stream]);
    return current === undefined
      ? undefined
      : { ...current, reportedEnd: this.#subscriber().reportedTip(stream) };
  }

  /** The last entry of the stream that was handled: everything up to it was delivered. */
  cursorOf(stream: string): EntryId {
    return this.currentOf(stream)?.cursor ?? FIRST_ENTRY_ID;
  }

  /** Position of a client of this room that has these cursors in the present epochs. */
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
    for (const [index, part] of position.entries()) {
      const stream = streamOfEpoch.get(part.epoch);
      if (stream === undefined) unknown.push({ index: own.indexOf(order[index] ?? ''), position: part });
      else named.set(stream, part);
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
