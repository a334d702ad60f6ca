// Sends the missed events of a room to a client that reconnects, in order and before new events. The events come from the ring in
// memory. Events that the ring no longer has come from the broker, by a read that several clients share.
import {
  type Broker,
  BrokerError,
  compareEntryIds,
  type Entry,
  type EntryId,
  entryIdMs,
  type Position,
} from '@millrace/broker';
import type { AnyCatalog, ReceivedEvent } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import type { PreparedCall } from '@millrace/signalr';
import { eventIdOf, prepareEvent } from '../dispatch/event-text.js';
import type { RoomPositions } from '../rooms/room-positions.js';
import { OlderEntries } from './older-entries.js';
import { type ClientStreamPosition, PositionWaiter } from './position-waiter.js';
import { type Cursors, ReplayRing, type ReplaySlice } from './replay-ring.js';

/** Limits of a replay. */
export interface ReplayOptions {
  readonly catalog: AnyCatalog;
  readonly windowMs: number;
  readonly maxRingBytes: number;
  /** See `ReplayLimits`. */
  readonly maxRingBytesPerTenant?: number | undefined;
  /** See `ReplayRingOptions`. */
  readonly tenantOf?: (roomId: string) => string;
  /** Maximum number of events that are replayed for one room. A client that missed more must reload the room. */
  readonly maxEventsPerRoom: number;
  readonly maxBytesPerRoom: number;
}

/** The client to which events are replayed. */
export interface ReplayTarget {
  readonly roomId: string;
  send(event: PreparedCall): void;
  /**
   * Called before the first missed event is sent. Resolves to false if the client has disconnected several
   * times right after a replay of these events. In that case, the events are not sent.
   */
  mayReplay(firstEventId: string): Promise<boolean>;
  /** Resolves when the connection has taken all events that were sent. */
  flushed(): Promise<void>;
  isGone(): boolean;
  /**
   * Called as soon as nothing is left to send, in the same turn of the event loop. From then on the client must be sent the room's
   * new events.
   */
  onCaughtUp(): void;
}

/** A point in the events of a room. The connections that were in the room at this point were sent every event up to it. */
export interface DeliveryPoint {
  readonly sequence: number;
  /** Generation of the room's streams in the ring, see {@link ReplayRing.generationOf}. */
  readonly generation: number;
}

/** Outcome of a replay. If `recovered` is false, the client must load the missed events from the backend. */
export interface ReplayOutcome {
  readonly recovered: boolean;
  readonly replayed: number;
}

/**
 * The outcome of `catchUp`. `unknown`: the missed events cannot be determined now, because the broker is
 * unavailable or this gateway has not read as far as the client. In this case, no event was sent and
 * `onCaughtUp` was not called. The client may retry with the same position.
 */
export type CatchUpOutcome = ReplayOutcome | 'unknown';

// Number of bytes sent before other connections get their turn.
const sliceBytes = 65_536;
const maxOlderEntries = 5_000;
const keepOlderMs = 5_000;
const maxOlderAttempts = 3;
// If a client has already received later events from another gateway, its join waits at most this time for
// this gateway. Even under load, a gateway needs less time to catch up.
const maxWaitMs = 2_000;

/** Replays missed events to clients. There is one object per gateway. */
export class Replay {
  readonly ring: ReplayRing;
  readonly #options: ReplayOptions;
  readonly #older: OlderEntries;
  readonly #positions: RoomPositions;
  /**
   * Delays the joins of clients that are ahead of this gateway. The caller must call this object after every
   * read and every heartbeat.
   */
  readonly positionWaiter: PositionWaiter;

  constructor(options: ReplayOptions, broker: Broker, positions: RoomPositions) {
    this.#options = options;
    this.#positions = positions;
    this.ring = new ReplayRing({
      windowMs: options.windowMs,
      maxBytes: options.maxRingBytes,
      maxBytesPerTenant: options.maxRingBytesPerTenant,
      ...(options.tenantOf === undefined ? {} : { tenantOf: options.tenantOf }),
    });
    this.#older = new OlderEntries(broker, { maxEntries: maxOlderEntries, keepMs: keepOlderMs }, () =>
      performance.now(),
    );
    this.positionWaiter = new PositionWaiter({
      clock: systemClock,
      maxWaitMs,
      currentOf: (stream) => positions.currentOf(stream),
    });
  }

  /** Evicts events that are too old at `brokerTimeMs`, and cached reads that are too old. */
  evict(brokerTimeMs: number): void {
    this.ring.evict(brokerTimeMs);
    this.#older.evict();
  }

  /**
   * Remembers a delivered event of a type that is replayed.
   *
   * @param atMs time at which the event was appended, if it differs from the time in `id`
   */
  remember(
    stream: string,
    id: EntryId,
    received: ReceivedEvent,
    call: PreparedCall,
    atMs = entryIdMs(id),
  ): void {
    const { event } = received;
    const latestKey = latestKeyOf(received);
    this.ring.add({
      stream,
      id,
      atMs,
      roomId: event.room_id,
      call,
      ...(latestKey === undefined ? {} : { latestKey }),
    });
  }

  /** Returns the current point in the events of a room. */
  deliveryPoint(roomId: string): DeliveryPoint {
    return { sequence: this.ring.sequence, generation: this.#generationOf(roomId) };
  }

  /**
   * Sends a client the events of a room that it missed after the position `after`. Calls `onCaughtUp` as soon
   * as nothing is left to send. If only a few events were missed and all of them are in memory, they are sent
   * in the current turn of the event loop. If some of the missed events are lost, usually no event is sent,
   * but `onCaughtUp` is called.
   */
  async catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const outcome = await this.#replaySince(target, after);
    if (outcome !== 'unknown' && !outcome.recovered) target.onCaughtUp();
    return outcome;
  }

  /**
   * Sends a connection the events that it missed while it was out of its room's group since `since`. Uses
   * only the events in memory. The number of events is not limited, because only one slice at a time is on
   * its way to the client. If the next events are no longer in memory, `onCaughtUp` is not called.
   */
  async catchUpFromMemory(
    target: Omit<ReplayTarget, 'mayReplay'>,
    since: DeliveryPoint,
  ): Promise<ReplayOutcome> {
    let replayed = 0;
    // New events may arrive while a slice is sent. Therefore the loop ends only in a turn of the event loop in which nothing is
    // left to send.
    for (let { sequence } = since; ; ) {
      const isComplete =
        this.ring.holdsSince(target.roomId, sequence) &&
        this.#generationOf(target.roomId) === since.generation;
      if (target.isGone() || !isComplete) return { recovered: false, replayed };
      const slice = this.ring.eventsSince(target.roomId, sequence, sliceBytes);
      if (slice.events.length === 0) break;
      ({ sequence } = slice);
      for (const event of slice.events) target.send(event);
      replayed += slice.events.length;
      await target.flushed();
    }
    target.onCaughtUp();
    return { recovered: true, replayed };
  }

  async #replaySince(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const positions = this.#positions.streamPositionsOf(target.roomId, after);
    if (positions === undefined) return { recovered: false, replayed: 0 };
    const waiting = this.positionWaiter.waitFor(positions);
    const reached = waiting instanceof Promise ? await waiting : waiting;
    if (reached === 'unknown') return 'unknown';
    if (reached === 'lost') return { recovered: false, replayed: 0 };
    const generation = this.#generationOf(target.roomId);
    const missed = await this.#missedEvents(target.roomId, positions);
    if (missed === 'unknown') return 'unknown';
    const [first] = missed?.events ?? [];
    if (first !== undefined && !(await target.mayReplay(eventIdOf(first.text) ?? '')))
      return { recovered: false, replayed: 0 };
    const hasBegunAnew = this.#generationOf(target.roomId) !== generation;
    if (missed === undefined || hasBegunAnew) return { recovered: false, replayed: 0 };
    const replayed = await sendInSlices(missed.events, target);
    const later = await this.catchUpFromMemory(target, { sequence: missed.sequence, generation });
    return { recovered: later.recovered, replayed: replayed + later.replayed };
  }

  #generationOf(roomId: string): number {
    return this.ring.generationOf(this.#positions.streamsOf(roomId));
  }

  /**
   * Returns the missed events. Returns `undefined` if some of them are lost or there are too many, and `unknown` if the broker is
   * unavailable. Waits for the broker only if the ring does not have all of them.
   */
  async #missedEvents(
    roomId: string,
    positions: readonly ClientStreamPosition[],
  ): Promise<ReplaySlice | 'unknown' | undefined> {
    const cursors = new Map(positions.map(({ stream, position }) => [stream, position.cursor]));
    const older = this.ring.covers(roomId, cursors)
      ? { events: [], readUpTo: cursors }
      : await this.#olderEvents(roomId, positions, cursors).catch(unknownIfTransient);
    if (older === undefined || older === 'unknown') return older;
    const { maxEventsPerRoom, maxBytesPerRoom } = this.#options;
    const recent = this.ring.eventsAfter(roomId, older.readUpTo, maxEventsPerRoom);
    const events = [...older.events, ...recent.events];
    const bytes = events.reduce((sum, call) => sum + call.bytes.length, 0);
    if (events.length > maxEventsPerRoom || bytes > maxBytesPerRoom) return undefined;
    return { events, sequence: recent.sequence };
  }

  async #olderEvents(
    roomId: string,
    positions: readonly ClientStreamPosition[],
    cursors: Cursors,
  ): Promise<{ readonly events: readonly PreparedCall[]; readonly readUpTo: Cursors } | undefined> {
    for (let attempt = 0; attempt < maxOlderAttempts; attempt += 1) {
      const entries: StreamEntry[] = [];
      const readUpTo = new Map(cursors);
      for (const { stream, position, isFromStart = false } of positions) {
        const floor = this.ring.floor(stream, roomId);
        if (floor === undefined || compareEntryIds(position.cursor, floor) >= 0) continue;
        // The read ends at the last entry that this gateway has handled, because the tail reads all later entries.
        const upTo = this.#positions.cursorOf(stream);
        const isShortened = floor !== this.ring.floor(stream);
        const range = { from: position.cursor, atLeast: floor, upTo, isFromStart, isShortened };
        const found = await this.#older.read(stream, range);
        if (found === undefined) return undefined;
        readUpTo.set(stream, found.upTo);
        for (const entry of found.entries)
          if (entry.fields.room_id === roomId) entries.push({ stream, entry });
      }
      // During the read, the ring may have evicted more entries than were read ahead. In that case, the read
      // is repeated, because there is a gap.
      if (this.ring.covers(roomId, readUpTo))
        return { events: this.#toEvents(roomId, entries, cursors), readUpTo };
    }
    return undefined;
  }

  /**
   * Turns older entries into events, oldest first. Each event has the position of a client that received all events up to and
   * including this one.
   */
  #toEvents(roomId: string, entries: StreamEntry[], cursors: Cursors): readonly PreparedCall[] {
    const position = new Map(cursors);
    const events = new Map<string, PreparedCall>();
    for (const { stream, entry } of entries.sort((a, b) => compareEntryIds(a.entry.id, b.entry.id))) {
      position.set(stream, entry.id);
      if (entry.isUtf8 === false) continue;
      const parsed = this.#options.catalog.parseEntry(entry.fields);
      if (!parsed.ok || parsed.value.declaration.replay.mode === 'none') continue;
      const { event } = parsed.value;
      const token = this.#positions.atCursors(roomId, position);
      const latestKey = latestKeyOf(parsed.value);
      const key = latestKey ?? `\u0000${event.event_id}`;
      // The newest event of a key keeps its own place in the order. If several events have the same ID, the first of them is kept.
      if (latestKey !== undefined) events.delete(key);
      else if (events.has(key)) continue;
      events.set(key, prepareEvent(parsed.value, token));
    }
    return [...events.values()];
  }
}

/**
 * Returns `unknown` if the broker may answer later. Returns `undefined`, as for lost events, if the broker refuses the read for
 * good.
 *
 * @throws any error that is not a `BrokerError`
 */
function unknownIfTransient(error: unknown): 'unknown' | undefined {
  if (!(error instanceof BrokerError)) throw error;
  return error.isTransient || error.code === 'closed' ? 'unknown' : undefined;
}

interface StreamEntry {
  readonly stream: string;
  readonly entry: Entry;
}

/** Sends the events in slices, so that neither the event loop nor the connection is flooded. Returns the number of sent events. */
async function sendInSlices(events: readonly PreparedCall[], target: ReplayTarget): Promise<number> {
  let sent = 0;
  let bytes = 0;
  for (const event of events) {
    if (bytes >= sliceBytes) {
      await target.flushed();
      if (target.isGone()) return sent;
      bytes = 0;
    }
    target.send(event);
    sent += 1;
    bytes += event.bytes.length;
  }
  return sent;
}

/**
 * Returns the key of an event if only the newest event per key is replayed. Returns `undefined` for an event that is always
 * replayed. Type and key are separated by a character that no event type contains.
 */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { replay } = declaration;
  if (replay.mode !== 'latest') return undefined;
  const key = replay.key(event.payload);
  return key === undefined ? undefined : `${event.event_type}\u0000${key}`;
}
