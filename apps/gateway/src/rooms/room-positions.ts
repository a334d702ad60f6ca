// Creates the positions of rooms, and interprets the position of a client for a room.
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

/** A part of a client's position whose epoch belongs to none of this gateway's streams. */
interface UnknownPart {
  readonly position: StreamPosition;
  /**
   * Index of a stream among the room's streams. The part would belong to it if this gateway had made the position. -1 if
   * there is no such stream.
   */
  readonly index: number;
}

/** The parts of a client's position: those of known streams (by stream name), and those with an unknown epoch. */
interface ReadPosition {
  readonly named: ReadonlyMap<string, StreamPosition>;
  readonly unknown: readonly UnknownPart[];
}

/**
 * Creates and reads positions of rooms. A room's position names only the streams that may contain its events: for each
 * declared stream the plain stream, and the room's partition if the stream has partitions. All rooms of a partition have the
 * same position. Without partitions, all rooms have the same streams.
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

  /** Returns the position of a client that has received every event of this room that this gateway has handled so far. */
  ofRoom(roomId: string): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return this.#subscriber().position(streams, tag);
  }

  /** Returns a position that is valid for every room. */
  ofEveryRoom(): string {
    return this.#subscriber().position(undefined, this.#everyScope());
  }

  /** Does the same as `ofRoom`, but uses a stream's earlier position if `earlierPositionOf` returns one. */
  ofRoomAt(roomId: string, earlierPositionOf: (stream: string) => StreamPosition | undefined): string {
    return this.at(roomId, (stream) => earlierPositionOf(stream) ?? this.#present(stream));
  }

  /** Does the same as `ofEveryRoom`, but uses a stream's earlier position if `earlierPositionOf` returns one. */
  ofEveryRoomAt(earlierPositionOf: (stream: string) => StreamPosition | undefined): string {
    const parts = this.#broker.partitioning.streams.map(
      ({ name }) => earlierPositionOf(name) ?? this.#present(name),
    );
    return encodePosition(parts, this.#everyScope());
  }

  /** Returns a position of this room, composed of `positionOf(stream)` for each of the room's streams. */
  at(roomId: string, positionOf: (stream: string) => StreamPosition): string {
    const { streams, tag } = this.#broker.partitioning.scopeOf(roomId);
    return encodePosition(streams.map(positionOf), tag);
  }

  /** Returns the streams that may contain events of the room. */
  streamsOf(roomId: string): readonly string[] {
    return this.#broker.partitioning.scopeOf(roomId).streams;
  }

  /** True if this stream may contain events of the room. A room's positions do not cover events in another partition. */
  belongs(roomId: string, stream: string): boolean {
    return !this.#isPartitioned() || this.streamsOf(roomId).includes(stream);
  }

  /**
   * Returns the client's position in each stream of the room, from a position of this room or of every room. Returns
   * `undefined` if the position belongs to a room in another partition, or names no stream of this gateway.
   *
   * Each part of a position names its stream by the stream's epoch. A part with an unknown epoch usually belongs to a stream
   * that only other gateways have, and is ignored. It may also belong to a stream of the room that no other part names. It
   * then counts as the position in that stream, because lost events could count as seen otherwise. A stream that no part
   * names is read from its first stored entry.
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

  /**
   * Returns this gateway's progress in a stream, and the end of the stream that the last heartbeat reported.
   */
  currentOf(stream: string): KnownStream | undefined {
    const [current] = this.#subscriber().currentPosition([stream]);
    return current === undefined
      ? undefined
      : { ...current, reportedEnd: this.#subscriber().reportedTip(stream) };
  }

  /** Returns the ID of the last entry of the stream that this gateway has handled. */
  cursorOf(stream: string): EntryId {
    return this.currentOf(stream)?.cursor ?? FIRST_ENTRY_ID;
  }

  /** Returns the ID of the last entry that this gateway has handled, by stream. */
  cursors(): ReadonlyMap<string, EntryId> {
    return new Map(this.#broker.partitioning.streams.map(({ name }) => [name, this.cursorOf(name)]));
  }

  /** Returns the position of this room with these cursors, in the current epochs of its streams. */
  atCursors(roomId: string, cursors: ReadonlyMap<string, EntryId>): string {
    const streams = this.streamsOf(roomId);
    const epochs = this.#subscriber().currentPosition(streams);
    return this.at(roomId, (stream) => ({
      epoch: epochs[streams.indexOf(stream)]?.epoch ?? '',
      cursor: cursors.get(stream) ?? FIRST_ENTRY_ID,
    }));
  }

  /**
   * Assigns each part of a position to a stream by its epoch. A part with an unknown epoch is assigned by its place. If the
   * room has as many streams as the position has parts, the place counts among the room's streams, otherwise among all
   * streams of the gateway.
   */
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
