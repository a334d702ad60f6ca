// Brings a client that was away up to date: what it missed of a room, in order, before anything new. Composes
// the ring (memory) and the shared read of older entries (broker).

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
import { ReachedPositions, type StreamPlaceOfClient } from './position-waiter.js';
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

/** The client's side of a replay. */
export interface ReplayTarget {
  readonly roomId: string;
  send(event: PreparedCall): void;
  /** Asked before the first of the missed events is sent; false: not these, for the client was thrown out by them again and again. */
  mayBegin(firstEventId: string): Promise<boolean>;
  /** Resolves when the connection can take more. */
  flushed(): Promise<void>;
  isGone(): boolean;
  /** Called in the very turn in which everything has been sent: from here on the room's events are new. */
  arrive(): void;
}

/** A point in what is delivered to a room: everything up to it was sent to whoever was in the room then. */
export interface RoomMark {
  readonly sequence: number;
  /** Of the room's streams, as the ring counts them. */
  readonly generation: number;
}

/** How a replay ended. `recovered: false`: the client must load what it missed from elsewhere. */
export interface ReplayOutcome {
  readonly recovered: boolean;
  readonly replayed: number;
}

/**
 * `unknown`: what was missed cannot be told now, for the broker cannot be asked, or this gateway has not read as far as the client has.
 * Nothing was sent, the client did not arrive, and may come again with the same position.
 */
export type CatchUpOutcome = ReplayOutcome | 'unknown';

// So much is sent in one turn of the event loop; then others have theirs.
const sliceBytes = 65_536;
const maxOlderEntries = 5_000;
const keepOlderMs = 5_000;
const maxOlderAttempts = 3;
// For a client that has read further on another gateway: longer than one is behind under load.
const maxWaitMs = 2_000;

/** See the file's comment. One object per gateway. */
export class Replay {
  readonly ring: ReplayRing;
  readonly #options: ReplayOptions;
  readonly #older: OlderEntries;
  readonly #positions: RoomPositions;
  /** Clients that are ahead of this gateway wait here. Told of the tail's progress and of heartbeats. */
  readonly reached: ReachedPositions;

  constructor(options: ReplayOptions, broker: Broker, positions: RoomPositions) {
    this.#options = options;
    this.#positions = positions;
    this.ring = new ReplayRing({ windowMs: options.windowMs, maxBytes: options.maxRingBytes });
    this.#older = new OlderEntries(broker, { maxEntries: maxOlderEntries, keepMs: keepOlderMs }, () =>
      performance.now(),
    );
    this.reached = new ReachedPositions({
      clock: systemClock,
      maxWaitMs,
      currentOf: (stream) => positions.currentOf(stream),
    });
  }

  /** Lets go of what is too old at `nowMs` (broker time). */
  evict(nowMs: number): void {
    this.ring.evict(nowMs);
    this.#older.evict();
  }

  /** Remembers a delivered event of a type that is replayed. @param atMs when it was appended, where its ID does not say */
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

  /** Where the delivery to a room is now. */
  mark(roomId: string): RoomMark {
    return { sequence: this.ring.sequence, generation: this.#generationOf(roomId) };
  }

  /**
   * Sends a client what it missed of a room since a position, then calls `arrive` in the same turn as the last event. When little
   * was missed and it is in memory, all of it happens in this turn. When it cannot be had completely, the client arrives all the
   * same, most often without having been sent anything.
   */
  async catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const outcome = await this.#replaySince(target, after);
    if (outcome !== 'unknown' && !outcome.recovered) target.arrive();
    return outcome;
  }

  /**
   * The same for a member of the room that was left out since `mark`, from memory alone and however much it is: only so much at a
   * time is on its way to the client. When memory has lost what would be next, the client does not arrive.
   */
  async followUp(target: Omit<ReplayTarget, 'mayBegin'>, mark: RoomMark): Promise<ReplayOutcome> {
    let replayed = 0;
    // While it is sent, more may come: until nothing is left in one and the same turn.
    for (let { sequence } = mark; ; ) {
      const isWhole = this.ring.holdsSince(sequence) && this.#generationOf(target.roomId) === mark.generation;
      if (target.isGone() || !isWhole) return { recovered: false, replayed };
      const slice = this.ring.eventsSince(target.roomId, sequence, sliceBytes);
      if (slice.events.length === 0) break;
      ({ sequence } = slice);
      for (const event of slice.events) target.send(event);
      replayed += slice.events.length;
      await target.flushed();
    }
    target.arrive();
    return { recovered: true, replayed };
  }

  async #replaySince(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const places = this.#positions.placesOf(target.roomId, after);
    if (places === undefined) return { recovered: false, replayed: 0 };
    const reaching = this.reached.reach(places);
    const reached = reaching instanceof Promise ? await reaching : reaching;
    if (reached === 'unknown') return 'unknown';
    if (reached === 'lost') return { recovered: false, replayed: 0 };
    const generation = this.#generationOf(target.roomId);
    const missed = await this.#missedEvents(target.roomId, places);
    if (missed === 'unknown') return 'unknown';
    const [first] = missed?.events ?? [];
    if (first !== undefined && !(await target.mayBegin(eventIdOf(first.text) ?? '')))
      return { recovered: false, replayed: 0 };
    const hasBegunAnew = this.#generationOf(target.roomId) !== generation;
    if (missed === undefined || hasBegunAnew) return { recovered: false, replayed: 0 };
    const replayed = await sendInSlices(missed.events, target);
    const later = await this.followUp(target, { sequence: missed.sequence, generation });
    return { recovered: later.recovered, replayed: replayed + later.replayed };
  }

  #generationOf(roomId: string): number {
    return this.ring.generationOf(this.#positions.streamsOf(roomId));
  }

  /**
   * `undefined` when something is missing or there is too much of it; `unknown` when the broker cannot be asked. Waits only for what
   * the ring does not have.
   */
  async #missedEvents(
    roomId: string,
    places: readonly StreamPlaceOfClient[],
  ): Promise<ReplaySlice | 'unknown' | undefined> {
    const cursors = new Map(places.map(({ stream, place }) => [stream, place.cursor]));
    const older = this.ring.covers(cursors)
      ? { events: [], readUpTo: cursors }
      : await this.#olderEvents(roomId, places, cursors).catch(orNothing);
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
    places: readonly StreamPlaceOfClient[],
    cursors: Cursors,
  ): Promise<{ readonly events: readonly PreparedCall[]; readonly readUpTo: Cursors } | undefined> {
    for (let attempt = 0; attempt < maxOlderAttempts; attempt += 1) {
      const entries: PlacedEntry[] = [];
      const readUpTo = new Map(cursors);
      for (const { stream, place, isFromStart = false } of places) {
        const floor = this.ring.floor(stream);
        if (floor === undefined || compareEntryIds(place.cursor, floor) >= 0) continue;
        // Not beyond what was delivered: the tail brings the rest.
        const upTo = this.#positions.cursorOf(stream);
        const range = { from: place.cursor, atLeast: floor, upTo, isFromStart };
        const found = await this.#older.read(stream, range);
        if (found === undefined) return undefined;
        readUpTo.set(stream, found.upTo);
        for (const entry of found.entries)
          if (entry.fields.room_id === roomId) entries.push({ stream, entry });
      }
      // The ring may have let go of more meanwhile than was read ahead; then there is a hole, and it is read again.
      if (this.ring.covers(readUpTo)) return { events: this.#toEvents(roomId, entries, cursors), readUpTo };
    }
    return undefined;
  }

  /** Older entries as events, oldest first, each with the position of a client that has been sent it. */
  #toEvents(roomId: string, entries: PlacedEntry[], cursors: Cursors): readonly PreparedCall[] {
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
      // The newest of a key stands where it came, not where the first one was; a repeated ID stays where it was first.
      if (latestKey !== undefined) events.delete(key);
      else if (events.has(key)) continue;
      events.set(key, prepareEvent(parsed.value, token));
    }
    return [...events.values()];
  }
}

/**
 * Not asked is not lost, as long as the broker may answer later. What it refuses for good is lost.
 *
 * @throws what is no error of the broker
 */
function orNothing(error: unknown): 'unknown' | undefined {
  if (!(error instanceof BrokerError)) throw error;
  return error.isTransient || error.code === 'closed' ? 'unknown' : undefined;
}

interface PlacedEntry {
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

/** `undefined`: the event is replayed whatever came after it. A character that no name has stands between type and key. */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { replay } = declaration;
  if (replay.mode !== 'latest') return undefined;
  const key = replay.key(event.payload);
  return key === undefined ? undefined : `${event.event_type}\u0000${key}`;
}
