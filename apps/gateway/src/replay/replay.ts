// Sends a client that reconnects the missed events of a room, in order and before new events. They come from the ring in
// memory. A read of the broker that several clients share gets the events that the ring no longer has.
import {
  type Broker,
  BrokerError,
  compareEntryIds,
  type EntryId,
  entryIdMs,
  type Position,
} from '@millrace/broker';
import type { AnyCatalog, EraseControl, ReceivedEvent } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import type { PreparedCall } from '@millrace/signalr';
import { eventIdOf, positionOf } from '../dispatch/event-text.js';
import { EVENT_ERASED } from '../erasure/erased-call.js';
import { ErasedEntries } from '../erasure/erased-entries.js';
import { mayResume } from '../membership/revocations.js';
import type { RoomPositions } from '../rooms/room-positions.js';
import { HiddenLosses } from './hidden-losses.js';
import { latestKeyOf } from './latest-key.js';
import { concernsRoom, type OlderEntry, toOlderCalls } from './older-calls.js';
import { OlderEntries, type OlderEntriesOptions } from './older-entries.js';
import { type ClientStreamPosition, PositionWaiter } from './position-waiter.js';
import { type ReplayPage, takePage } from './replay-page.js';
import {
  type Cursors,
  type DeliveredEvent,
  type PageLimits,
  ReplayRing,
  type ReplaySlice,
} from './replay-ring.js';
import {
  type CatchUpOutcome,
  type DeliveryPoint,
  type LaggingRoom,
  partsOf,
  type ReplayedRooms,
  type ReplayOutcome,
  type ReplayTarget,
} from './replay-target.js';
import { SLICE_BYTES, type SliceTarget, sendInSlices, sendSlice } from './send-slice.js';

/** Limits of a replay. */
export interface ReplayOptions {
  readonly catalog: AnyCatalog;
  /** See `OlderEntriesOptions`. */
  readonly intake?: OlderEntriesOptions['intake'];
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

const maxOlderEntries = 5_000;
const keepOlderMs = 5_000;
const maxOlderAttempts = 3;
// A client from another gateway may have received later events than this gateway has read. Its join waits at most this time
// for this gateway, which needs less to catch up even under load.
const maxWaitMs = 2_000;

/** Replays missed events to clients. There is one object per gateway. */
export class Replay {
  readonly ring: ReplayRing;
  readonly hiddenLosses = new HiddenLosses();
  readonly #options: ReplayOptions;
  readonly #older: OlderEntries;
  readonly #erased = new ErasedEntries();
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
    this.#older = new OlderEntries(
      broker,
      { maxEntries: maxOlderEntries, keepMs: keepOlderMs, intake: options.intake },
      () => performance.now(),
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
    const kept = { stream, id, atMs, roomId: event.room_id, call };
    this.rememberCall(latestKey === undefined ? kept : { ...kept, latestKey });
  }

  /** Remembers a call that clients were sent, which need not be an event. */
  rememberCall(delivered: DeliveredEvent): void {
    this.ring.add(delivered);
  }

  /** Forgets erased entries. From then on they are not replayed, even if they are still in the stream. */
  erase(stream: string, { roomId, entries }: EraseControl): void {
    this.#erased.add(stream, entries);
    this.ring.erase(stream, roomId, new Set(entries.map(({ id }) => id)));
  }

  /** Returns the current point in the events of a room. */
  deliveryPoint(roomId: string): DeliveryPoint {
    return { sequence: this.ring.sequence, generation: this.#generationOf(roomId) };
  }

  /**
   * Sends a client the events of a room that it missed after the position `after`. Calls `onCaughtUp` as soon as nothing is
   * left to send. A few missed events that are all in memory are sent in the current turn of the event loop. If some of the
   * missed events are lost, usually none is sent, but `onCaughtUp` is called.
   */
  async catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const outcome = await this.#replaySince(target, after);
    if (outcome !== 'unknown' && !outcome.recovered) target.onCaughtUp();
    return outcome;
  }

  /**
   * Sends a connection the events that it missed while it was out of its rooms' groups. The events of all rooms are sent in the order of
   * delivery, because a client may apply the position of an event to all of its rooms. Uses only the events in
   * memory. Their number is not limited, because only one slice at a time is on its way to the client. Does not call
   * `onCaughtUp` if the next events are no longer in memory.
   *
   * @param lagging returns the rooms in which the connection lags now. It is called for each slice
   */
  async catchUpFromMemory(
    lagging: () => readonly LaggingRoom[],
    connection: Pick<SliceTarget, 'flushed' | 'isGone'>,
  ): Promise<ReplayOutcome> {
    let replayed = 0;
    // New events may arrive while a slice is sent. The loop ends only in a turn of the event loop in which nothing is left to
    // send.
    for (;;) {
      const rooms = lagging();
      if (connection.isGone() || !rooms.every((room) => this.#holds(room)))
        return { recovered: false, replayed };
      const sent = this.#sendSlice(rooms);
      if (sent === 0) {
        for (const room of rooms) room.onCaughtUp();
        return { recovered: true, replayed };
      }
      replayed += sent;
      await connection.flushed();
    }
  }

  /** True if memory has everything that the connection missed in the room. */
  #holds(room: LaggingRoom): boolean {
    const { sequence, generation } = room.since;
    return this.ring.holdsSince(partsOf(room), sequence) && this.#generationOf(room.roomId) === generation;
  }

  /** Sends the next events of the rooms, and moves the rooms forward. Returns the number of sent events. */
  #sendSlice(rooms: readonly LaggingRoom[]): number {
    const wanted = rooms.flatMap((room) => {
      const { sequence } = room.since;
      // The limits are read for each slice, because the user may be removed while a slice is sent.
      const mayReceive = room.access?.()?.mayReceive;
      return partsOf(room).map((roomId) => ({ room, roomId, sequence, mayReceive }));
    });
    const { events, origins, sequence } = this.ring.eventsSince(wanted, SLICE_BYTES);
    const roomOf = (index: number) => wanted[origins[index]?.room ?? -1]?.room;
    const sent = sendSlice(events, (event, index) => roomOf(index)?.send(event));
    const next = origins[sent];
    for (const room of rooms) advance(room, next === undefined ? sequence : next.sequence - 1);
    // The slice may have ended after an event was sent for only some of its rooms.
    for (const [index, origin] of origins.slice(0, sent).entries()) advance(roomOf(index), origin.sequence);
    return sent;
  }

  async #replaySince(target: ReplayTarget, after: Position): Promise<CatchUpOutcome> {
    const positions = this.#positions.streamPositionsOf(target.roomId, after);
    if (positions === undefined) return { recovered: false, replayed: 0 };
    const waiting = this.positionWaiter.waitFor(positions);
    const reached = waiting instanceof Promise ? await waiting : waiting;
    if (reached === 'unknown') return 'unknown';
    const isLost = reached === 'lost' || this.hiddenLosses.areHiddenBy(positions);
    if (isLost || !mayResume(positions, target.access?.())) return { recovered: false, replayed: 0 };
    const generation = this.#generationOf(target.roomId);
    const erasedCount = this.#erased.count;
    const missed = await this.#missedEvents(target, positions);
    if (missed === 'unknown') return 'unknown';
    const [first] = missed?.events ?? [];
    if (first !== undefined && !(await target.mayReplay(eventIdOf(first.text) ?? '')))
      return { recovered: false, replayed: 0 };
    const hasBegunAnew = this.#generationOf(target.roomId) !== generation;
    if (missed === undefined || hasBegunAnew) return { recovered: false, replayed: 0 };
    const replayed = await sendInSlices(missed.events, {
      ...target,
      send: (event) => {
        if (!this.#isErasedSince(erasedCount, event)) target.send(event);
      },
    });
    const room: LaggingRoom = { ...target, since: { sequence: missed.sequence, generation } };
    const later = await this.catchUpFromMemory(() => [room], target);
    return { recovered: later.recovered, replayed: replayed + later.replayed };
  }

  /**
   * Reads a page: the oldest events of a room after a position, until a limit is reached. The caller continues at `next`, so the
   * number of missed events is not limited, as long as they are in memory or among the entries that one read of the streams may have.
   *
   * @returns `lost` if some of the missed events are lost; `unknown` as for {@link Replay.catchUp}
   */
  async page(
    target: ReplayedRooms,
    after: Position,
    limits: PageLimits,
  ): Promise<ReplayPage | 'lost' | 'unknown'> {
    const { roomId } = target;
    const positions = this.#positions.streamPositionsOf(roomId, after);
    if (positions === undefined) return 'lost';
    const reached = await this.positionWaiter.waitFor(positions);
    if (reached !== 'reached') return reached;
    if (this.hiddenLosses.areHiddenBy(positions)) return 'lost';
    const generation = this.#generationOf(roomId);
    const erasedCount = this.#erased.count;
    const older = await this.#olderIfNeeded(target, positions);
    if (older === 'unknown') return 'unknown';
    if (older === undefined || this.#generationOf(roomId) !== generation) return 'lost';
    // The limits are read after the last wait: the user may have been removed and added again meanwhile.
    if (!mayResume(positions, target.access?.())) return 'lost';
    const known = older.events.filter((event) => !this.#isErasedSince(erasedCount, event));
    const first = takePage(known, limits);
    const last = first.events.at(-1);
    if (!first.isComplete && last !== undefined)
      return { events: first.events, next: positionOf(last.text) ?? '', hasMore: true };
    const { mayReceive } = target.access?.() ?? {};
    const recent = this.ring.pageAfter(partsOf(target), older.readUpTo, first.rest, mayReceive);
    const events = [...first.events, ...recent.events];
    // This is the turn in which the ring was read. So the present position hides no event.
    const next = recent.isComplete
      ? this.#positions.ofRoom(roomId)
      : this.#positions.atCursors(roomId, recent.cursors);
    return { events, next, hasMore: !recent.isComplete };
  }

  #generationOf(roomId: string): number {
    return this.ring.generationOf(this.#positions.streamsOf(roomId));
  }

  /**
   * Returns the missed events. Returns `undefined` if some of them are lost or there are too many, and `unknown` if the broker is
   * unavailable. Waits for the broker only if the ring does not have all of them.
   */
  async #missedEvents(
    target: ReplayedRooms,
    positions: readonly ClientStreamPosition[],
  ): Promise<ReplaySlice | 'unknown' | undefined> {
    const older = await this.#olderIfNeeded(target, positions);
    if (older === undefined || older === 'unknown') return older;
    const { maxEventsPerRoom, maxBytesPerRoom } = this.#options;
    const recent = this.ring.eventsAfter(
      partsOf(target),
      older.readUpTo,
      maxEventsPerRoom,
      target.access?.()?.mayReceive,
    );
    const events = [...older.events, ...recent.events];
    const bytes = events.reduce((sum, call) => sum + call.bytes.length, 0);
    if (events.length > maxEventsPerRoom || bytes > maxBytesPerRoom) return undefined;
    return { events, sequence: recent.sequence };
  }

  /** Reads the events that the ring does not have. If it has all of them, the result is empty. */
  async #olderIfNeeded(
    target: ReplayedRooms,
    positions: readonly ClientStreamPosition[],
  ): Promise<OlderEvents | 'unknown' | undefined> {
    const cursors = new Map(positions.map(({ stream, position }) => [stream, position.cursor]));
    if (this.ring.covers(partsOf(target), cursors)) return { events: [], readUpTo: cursors };
    return this.#olderEvents(target, positions, cursors).catch(unknownIfTransient);
  }

  async #olderEvents(
    target: ReplayedRooms,
    positions: readonly ClientStreamPosition[],
    cursors: Cursors,
  ): Promise<OlderEvents | undefined> {
    const parts = partsOf(target);
    for (let attempt = 0; attempt < maxOlderAttempts; attempt += 1) {
      const entries: OlderEntry[] = [];
      const readUpTo = new Map(cursors);
      for (const { stream, position, isFromStart = false } of positions) {
        const floor = this.ring.floor(stream, parts);
        if (floor === undefined || compareEntryIds(position.cursor, floor) >= 0) continue;
        // The read ends at the last entry that this gateway has handled, because the tail reads all later entries.
        const upTo = this.#positions.cursorOf(stream);
        const isShortened = floor !== this.ring.floor(stream);
        const range = { from: position.cursor, atLeast: floor, upTo, isFromStart, isShortened };
        const found = await this.#older.read(stream, range);
        if (found === undefined) return undefined;
        readUpTo.set(stream, found.upTo);
        for (const entry of found.entries)
          if (parts.some((roomId) => concernsRoom(entry, roomId))) entries.push({ stream, entry });
      }
      // The ring may have evicted more entries during the read than were read ahead. The read is then repeated, because of
      // the gap.
      if (this.ring.covers(parts, readUpTo))
        return { events: this.#toCalls(target, entries, cursors), readUpTo };
    }
    return undefined;
  }

  /** Turns older entries of a room into the calls that its clients are sent. */
  #toCalls(
    { roomId, access }: ReplayedRooms,
    entries: readonly OlderEntry[],
    cursors: Cursors,
  ): readonly PreparedCall[] {
    return toOlderCalls(entries, {
      roomId,
      mayReceive: access?.()?.mayReceive,
      cursors,
      catalog: this.#options.catalog,
      isErased: (stream, id, eventId) => this.#erased.has(stream, id) || this.#erased.hasEvent(eventId),
      encode: (position) => this.#positions.atCursors(roomId, position),
    });
  }

  /** True for an event that was erased after `count` erasures. */
  #isErasedSince(count: number, { target, text }: PreparedCall): boolean {
    if (this.#erased.count === count || target === EVENT_ERASED) return false;
    return this.#erased.hasEvent(eventIdOf(text) ?? '');
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

/** Events that were read from the streams, and the cursors up to which they were read. */
interface OlderEvents {
  readonly events: readonly PreparedCall[];
  readonly readUpTo: Cursors;
}

function advance(room: LaggingRoom | undefined, sequence: number): void {
  if (room !== undefined && sequence > room.since.sequence) room.since = { ...room.since, sequence };
}
