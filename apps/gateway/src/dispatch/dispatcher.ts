// The way of an entry through the gateway: decide, then act. Runs synchronously, in stream order; knows no Redis and no sockets.

import type { Entry, StreamPosition } from '@millrace/broker';
import type { AnyCatalog, ReceivedEvent } from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import { type GateReason, IndicatorGate } from '../indicators/indicator-gate.js';
import type { RoomSender } from '../rooms/room-sender.js';
import type { Rooms } from '../rooms/rooms.js';
import { type Accepted, type DecisionRules, type Dropped, decide } from './decide.js';
import { prepareEvent } from './event-text.js';
import { clockSkewMs, isNaive } from './freshness.js';
import type { Rejections } from './rejections.js';
import { SeenEvents } from './seen-events.js';

// An event that ended an indicator is remembered for so long against starts that come late.
const endingMemoryMs = 10_000;
// Users of rooms that wrote or typed in the last 10 s; beyond it a late start may show until it expires.
const maxGateKeys = 100_000;

/** Why an event was not delivered. */
export type UndeliveredReason = Dropped['reason'] | GateReason;

/** Told of everything that happens to an event. */
export interface RouterObserver {
  delivered(received: ReceivedEvent, recipients: number, delayMs: number): void;
  dropped(received: ReceivedEvent, reason: UndeliveredReason): void;
  clockSkewed(received: ReceivedEvent): void;
  /** Its timestamp has no offset from UTC. */
  naive(received: ReceivedEvent): void;
}

/** Bounds and rules of {@link Router}. */
export interface RouterOptions {
  readonly catalog: AnyCatalog;
  readonly freshness: 'entry' | 'timestamp';
  readonly dedupeWindowMs: number;
  readonly maxDedupeIds: number;
  readonly clockSkewLimitMs: number;
}

/** Dependencies of {@link Router}. */
export interface RouterParts {
  readonly rooms: Pick<Rooms, 'brokerTimeMs' | 'indicators'> & {
    readonly positions: Pick<Rooms['positions'], 'ofRoom' | 'at' | 'belongs'>;
    readonly replay: Pick<Rooms['replay'], 'remember'>;
  };
  readonly sender: Pick<RoomSender, 'hasMembers' | 'send'>;
  readonly rejections: Pick<Rejections, 'take'>;
  /** Time for events that must wait a moment. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly observer: RouterObserver;
}

/**
 * Routes entries to rooms.
 *
 * Guarantees: entries are handled in the order of the calls; an `event_id` is delivered once within the window; a
 * rejected or stale entry leaves no trace in the window, so that a good one with its ID still passes.
 */
export class Router {
  readonly #parts: RouterParts;
  readonly #clockSkewLimitMs: number;
  readonly #seen: SeenEvents;
  readonly #rules: DecisionRules;
  /** For what was delivered before this gateway came. */
  readonly #pastRules: DecisionRules;
  readonly #gate: IndicatorGate;

  constructor(options: RouterOptions, parts: RouterParts) {
    const { catalog, freshness, dedupeWindowMs: windowMs, maxDedupeIds: maxIds } = options;
    this.#parts = parts;
    this.#clockSkewLimitMs = options.clockSkewLimitMs;
    this.#seen = new SeenEvents({ windowMs, maxIds });
    this.#rules = { catalog, freshness, positions: parts.rooms.positions, seen: this.#seen };
    this.#pastRules = { ...this.#rules, freshness: 'none' };
    this.#gate = new IndicatorGate(
      { memoryMs: endingMemoryMs, maxKeys: maxGateKeys },
      {
        clock: parts.clock,
        release: (accepted) => this.#hand(accepted),
        dropped: ({ received }, reason) => parts.observer.dropped(received, reason),
      },
    );
  }

  /** Handles one entry. */
  route(stream: string, entry: Entry): void {
    const { observer, rejections, rooms } = this.#parts;
    const decision = decide(stream, entry, rooms.brokerTimeMs(), this.#rules);
    switch (decision.verdict) {
      case 'reject':
        rejections.take(stream, entry, decision);
        return;
      case 'drop':
        observer.dropped(decision.received, decision.reason);
        return;
      case 'deliver':
        this.#seen.add(decision.received, decision.appendedMs);
        this.#observeTimestamp(decision);
        if (this.#gate.admits(decision)) this.#hand(decision);
    }
  }

  /**
   * Takes notice of an entry that was delivered before this gateway came: a repeat of it is not delivered again, and who comes
   * back is sent it. `placeOf`: how far a client is that has been sent it.
   */
  recall(stream: string, entry: Entry, placeOf: (stream: string) => StreamPosition): void {
    const { positions, replay } = this.#parts.rooms;
    const brokerTimeMs = this.#parts.rooms.brokerTimeMs();
    const decision = decide(stream, entry, brokerTimeMs, this.#pastRules);
    if (decision.verdict !== 'deliver') return;
    const { received, appendedMs } = decision;
    this.#seen.add(received, appendedMs);
    if (brokerTimeMs - appendedMs < endingMemoryMs) this.#gate.noteMessage(decision);
    if (!isReplayed(received)) return;
    const call = prepareEvent(received, positions.at(received.event.room_id, placeOf));
    replay.remember(stream, entry.id, received, call, appendedMs);
  }

  /** Lets go on what waits for the end of its window. */
  flush(): void {
    this.#gate.flush();
  }

  #observeTimestamp({ entry, received, appendedMs }: Accepted): void {
    const { observer } = this.#parts;
    if (isNaive(entry)) observer.naive(received);
    else if (Math.abs(clockSkewMs(received, appendedMs)) > this.#clockSkewLimitMs)
      observer.clockSkewed(received);
  }

  /** To the memory for those who come back, then to those who are here. Nothing is written when there is neither. */
  #hand({ stream, entry, received, appendedMs }: Accepted): void {
    const { clock, observer, rooms, sender } = this.#parts;
    const { room_id: roomId } = received.event;
    const user = rooms.indicators.observe(received, clock.monotonicMs());
    const isKept = isReplayed(received);
    const isWanted = isKept || sender.hasMembers(roomId);
    const call = isWanted ? prepareEvent(received, rooms.positions.ofRoom(roomId)) : undefined;
    if (isKept && call !== undefined) rooms.replay.remember(stream, entry.id, received, call, appendedMs);
    const recipients = sender.send(received, call, user);
    observer.delivered(received, recipients, rooms.brokerTimeMs() - appendedMs);
  }
}

function isReplayed({ declaration }: ReceivedEvent): boolean {
  return declaration.replay.mode !== 'none';
}
