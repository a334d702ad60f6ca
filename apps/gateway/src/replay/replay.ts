// Sends a client that was away what it missed of a room, in order, before anything new. Composes the ring (memory) and the shared
// read of older entries (broker).
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

/** Bounds of a replay. */
export interface ReplayOptions {
  readonly catalog: AnyCatalog;
  readonly windowMs: number;
  readonly maxRingBytes: number;
  /** A client that missed more of one room is told to reload. */
  readonly maxEventsPerRoom: number;
  readonly maxBytesPerRoom: number;
}

/** The client to which events are replayed. */
export interface ReplayTarget {
  readonly roomId: string;
  send(event: PreparedCall): void;
  /** Called before the first of the missed events is sent. False: they are not sent, because the client disconnected because of them again and again. */
  mayReplay(firstEventId: string): Promise<boolean>;
  /** Resolves when the connection has taken what was sent. */
  flushed(): Promise<void>;
  isGone(): boolean;
  /** Called in the very turn in which everything has been sent: from here on the client is sent the room's new events. */
  onCaughtUp(): void;
}

/** A point in what is delivered to a room: everything up to it was sent to the connections that were in the room then. */
export interface DeliveryPoint {
  readonly sequence: number;
  /** Generation of the room's streams in the ring. */
  readonly generation: number;
}

/** Outcome of a replay. `recovered: false`: the client must load what it missed from the backend. */
export interface ReplayOutcome {
  readonly recovered: boolean;
  readonly replayed: number;
}

/**
 * `unknown`: it cannot be determined now what was missed, because the broker cannot be asked, or this gateway has not read as far as the
 * client. Nothing was sent, `onCaughtUp` was not called, and the client may come again with the same position.
 */
export type CatchUpOutcome = ReplayOutcome | 'unknown';

// Bytes sent in one turn of the event loop; then other connections get their turn.
const sliceBytes = 65_536;
const maxOlderEntries = 5_000;
const keepOlderMs = 5_000;
const maxOlderAttempts = 3;
// Wait for a client that has read further on another gateway: longer than a gateway is behind under load.
const maxWaitMs = 2_000;

/** See the file's comment. One object per gateway. */
export class Replay {
  readonly ring: ReplayRing;
  readonly #options: ReplayOptions;
  readonly #older: OlderEntries;
  readonly #positions: RoomPositions;
  /** Clients that are ahead of this gateway wait here. The owner reports the tail's progress and heartbeats to it. */
  readonly positionWaiter: PositionWaiter;

  constructor(options: ReplayOptions, broker: Broker, positions: RoomPositions) {
    this.#options = options;
    this.#positions = positions;
    this.ring = new ReplayRing({ windowMs: options.windowMs, maxBytes: options.maxRingBytes });
    this.#older = new OlderEntries(broker, { maxEntries: maxOlderEntries, keepMs: keepOlderMs }, () =>
      performance.now(),
    );
    this.positionWaiter = new PositionWaiter({
      clock: systemClock,
      maxWaitMs,
      currentOf: (stream) => positions.currentOf(stream),
    });
  }

  /** Evicts what is too old at `brokerTimeMs`. */
  evict(brokerTimeMs: number): void {
    this.ring.evict(brokerTimeMs);
    this.#older.evict();
  }

  /** Remembers a delivered event of a type that is replayed. @param atMs time at which it was appended, where its ID does not contain it */
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

  /** The present point in the delivery to a room. */
  deliveryPoint(roomId: string): DeliveryPoint {
    return { sequence: this.ring.sequence, generation: this.#generationOf(roomId) };
  }

  /**
   * Sends a client what it missed of a room since a position, then calls `onCaughtUp` in the same turn as the last event. When little
   * was missed and it is in memory, all of it happens in this turn. When some of it is lost, `onCaughtUp` is called all the same, most
   * often without anything having been sent.
   */
  async catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const outcome = await this.#replaySince(target, after);
    if (outcome !== 'unknown' && !outcome.recovered) target.onCaughtUp();
    return outcome;
  }

  /**
   * Does the same for a connection that was left out of its room since `since`, from memory alone and however much it is: only one slice at
   * a time is on its way to the client. When memory has lost what would be sent next, `onCaughtUp` is not called.
   */
  async catchUpFromMemory(
    target: Omit<ReplayTarget, 'mayReplay'>,
    since: DeliveryPoint,
  ): Promise<ReplayOutcome> {
    let replayed = 0;
    // More events may come while these are sent, so this ends in the turn in which nothing is left to send.
    for (let { sequence } = since; ; ) {
      const isComplete =
        this.ring.holdsSince(sequence) && this.#generationOf(target.roomId) === since.generation;
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
   * Returns the missed events: `undefined` when some are lost or they are too many; `unknown` when the broker cannot be asked. Waits only
   * for what the ring does not have.
   */
  async #missedEvents(
    roomId: string,
    positions: readonly ClientStreamPosition[],
  ): Promise<ReplaySlice | 'unknown' | undefined> {
    const cursors = new Map(positions.map(({ stream, position }) => [stream, position.cursor]));
    const older = this.ring.covers(cursors)
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
        const floor = this.ring.floor(stream);
        if (floor === undefined || compareEntryIds(position.cursor, floor) >= 0) continue;
        // Not beyond what was delivered: the tail reads the rest.
        const upTo = this.#positions.cursorOf(stream);
        const range = { from: position.cursor, atLeast: floor, upTo, isFromStart };
        const found = await this.#older.read(stream, range);
        if (found === undefined) return undefined;
        readUpTo.set(stream, found.upTo);
        for (const entry of found.entries)
          if (entry.fields.room_id === roomId) entries.push({ stream, entry });
      }
      // The ring may have evicted more meanwhile than was read ahead; then there is a gap, and it is read again.
      if (this.ring.covers(readUpTo)) return { events: this.#toEvents(roomId, entries, cursors), readUpTo };
    }
    return undefined;
  }

  /** Older entries as events, oldest first, each with the position of a client that has been sent it. */
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
      // The newest event of a key keeps its own place in the order; of events with one ID the first is kept.
      if (latestKey !== undefined) events.delete(key);
      else if (events.has(key)) continue;
      events.set(key, prepareEvent(parsed.value, token));
    }
    return [...events.values()];
  }
}

/**
 * An event is not lost while the broker may answer later. It is lost when the broker refuses the read for good.
 *
 * @throws any error that is not of the broker
 */
function unknownIfTransient(error: unknown): 'unknown' | undefined {
  if (!(error instanceof BrokerError)) throw error;
  return error.isTransient || error.code === 'closed' ? 'unknown' : undefined;
}

interface StreamEntry {
  readonly stream: string;
  readonly entry: Entry;
}

/** Sends all of it; waits between slices so that neither the event loop nor the connection is flooded. */
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

/** The key of which only the newest event is replayed; `undefined`: the event is always replayed. A character that no name contains separates type and key. */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { replay } = declaration;
  if (replay.mode !== 'latest') return undefined;
  const key = replay.key(event.payload);
  return key === undefined ? undefined : `${event.event_type}\u0000${key}`;
}
