// Lets events of indicators (typing, and those of an application's own catalog) through to clients: at most one per user, room and window,
// the last one, and no start that a message or a stop of its user has overtaken. Most of them were coalesced before; the gate is for plain
// XADD, and for events that waited in a window while a message passed them. It compares entry IDs, never clocks of producers.

import {
  compareEntryIds,
  type Entry,
  type EntryId,
  isEntryId,
  minEntryId,
  previousEntryId,
} from '@millrace/broker';
import { AS_OF_FIELD, type ReceivedEvent, showsIndicator } from '@millrace/contract';
import { type CancelTimer, type Clock, OldestFirstMap } from '@millrace/internal';
import type { Accepted } from '../dispatch/decide.js';

/** Why an event was not let through. */
export type GateReason = 'ended' | 'superseded';

/** What the gate needs. */
export interface IndicatorGatePorts {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Takes an event whose window is over. */
  release(accepted: Accepted): void;
  dropped(accepted: Accepted, reason: GateReason): void;
}

/** Bounds of {@link IndicatorGate}. */
export interface IndicatorGateOptions {
  /** How long a message or a stop is remembered against starts that come late. */
  readonly memoryMs: number;
  /** Most users of rooms remembered; the one that is longest without news goes first, what it holds is sent. */
  readonly maxKeys: number;
}

/** A place in the stream, and how long it counts: a stream that was lost begins anew with other IDs. */
interface Mark {
  readonly id: EntryId;
  readonly untilMs: number;
}

/** An event that waits, and what lets it through. */
interface Held {
  readonly accepted: Accepted;
  readonly asOf: EntryId;
  readonly cancelTimer: CancelTimer;
}

/** One user in one slot of one room: Open ─event─▶ Closed for a window ─event─▶ Holding ─window over─▶ Closed … ─▶ Open. */
interface Place {
  /** The newest message's entry. A start as of before it is dropped. */
  message: Mark | undefined;
  /** The newest stop's place. A start as of before it is dropped. */
  stop: Mark | undefined;
  /** The next event may go then. */
  opensAtMs: number;
  forgetAtMs: number;
  held: Held | undefined;
}

/** See the file's comment. Every event it takes is delivered, dropped with a reason, or replaced by a later one. */
export class IndicatorGate {
  readonly #options: IndicatorGateOptions;
  readonly #ports: IndicatorGatePorts;
  /** What was touched longest ago comes first. */
  readonly #places = new OldestFirstMap<string, Place>();

  constructor(options: IndicatorGateOptions, ports: IndicatorGatePorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /**
   * Takes an event in stream order. True: it goes on now, as every event does whose type does not pass here. Otherwise it was dropped,
   * or waits for the end of its user's window.
   */
  admits(accepted: Accepted): boolean {
    const { entry, received } = accepted;
    const { coalescing, replay } = received.declaration;
    this.noteMessage(accepted);
    // What is replayed must keep its place in the stream.
    if (coalescing === undefined || replay.mode !== 'none') return true;
    const key = coalescing.key(received.event.payload);
    if (key === undefined) return true;
    const place = this.#placeOf(received.event.room_id, coalescing.slot, key);
    const nowMs = this.#ports.clock.monotonicMs();
    const asOf = asOfEntry(entry);
    if (isOvertaken({ accepted, asOf }, place, nowMs)) {
      this.#ports.dropped(accepted, 'ended');
      return false;
    }
    if (isStop(received) && !holdsFrom(place.stop, asOf, nowMs)) {
      // A stop that waited in a window took no ID: a start as of the same moment is of the next window.
      place.stop = this.#mark(asOf === entry.id ? asOf : previousEntryId(asOf));
    }
    if (place.held === undefined && nowMs >= place.opensAtMs) {
      place.opensAtMs = nowMs + coalescing.windowMs;
      return true;
    }
    if (place.held !== undefined) this.#ports.dropped(place.held.accepted, 'superseded');
    const cancelTimer =
      place.held?.cancelTimer ??
      this.#ports.clock.startTimer(() => this.#release(place, coalescing.windowMs), place.opensAtMs - nowMs);
    place.held = { accepted, asOf, cancelTimer };
    return false;
  }

  /** Takes notice of an event that ends an indicator, as a message ends its sender's typing; also of one that was delivered before this gateway came. */
  noteMessage({ entry, received: { event, declaration } }: Accepted): void {
    const ending = declaration.endsCoalescing;
    const key = ending?.key(event.payload);
    if (ending === undefined || key === undefined) return;
    const place = this.#placeOf(event.room_id, ending.slot, key);
    place.message = this.#mark(entry.id);
    const { held } = place;
    if (held === undefined || !isOvertaken(held, place, this.#ports.clock.monotonicMs())) return;
    held.cancelTimer();
    place.held = undefined;
    this.#ports.dropped(held.accepted, 'ended');
  }

  /** Lets everything through that waits. */
  flush(): void {
    for (const place of this.#places.values()) {
      place.held?.cancelTimer();
      this.#release(place, 0);
    }
  }

  #mark(id: EntryId): Mark {
    return { id, untilMs: this.#ports.clock.monotonicMs() + this.#options.memoryMs };
  }

  #release(place: Place, windowMs: number): void {
    const { held } = place;
    if (held === undefined) return;
    place.held = undefined;
    place.opensAtMs = this.#ports.clock.monotonicMs() + windowMs;
    this.#ports.release(held.accepted);
  }

  #placeOf(roomId: string, slot: string, key: string): Place {
    const nowMs = this.#ports.clock.monotonicMs();
    // A room ID and a slot hold no control characters, so this name is unambiguous.
    const name = `${roomId}\u0000${slot}\u0000${key}`;
    const known = this.#places.get(name);
    const isGood = known !== undefined && (known.forgetAtMs > nowMs || known.held !== undefined);
    const place = isGood
      ? known
      : { message: undefined, stop: undefined, opensAtMs: 0, forgetAtMs: 0, held: undefined };
    place.forgetAtMs = nowMs + this.#options.memoryMs;
    this.#places.set(name, place);
    this.#forgetOld(nowMs);
    return place;
  }

  /** Two at a time, so that it shrinks faster than it grows and no event pays for many. */
  #forgetOld(nowMs: number): void {
    for (let looks = 2; looks > 0; looks -= 1) {
      const oldest = this.#places.oldest();
      if (oldest === undefined) return;
      const [name, place] = oldest;
      const isFull = this.#places.size > this.#options.maxKeys;
      if (place.forgetAtMs > nowMs && !isFull) return;
      place.held?.cancelTimer();
      this.#places.delete(name);
      this.#release(place, 0);
    }
  }
}

/** The event ends its indicator. */
function isStop({ event, declaration: { indicator } }: ReceivedEvent): boolean {
  return indicator !== undefined && !showsIndicator(indicator, event.payload);
}

/** An entry stands for what was made before it was appended, if for anything earlier; by plain XADD it is as of itself. */
function asOfEntry({ id, fields }: Entry): EntryId {
  const asOf = fields[AS_OF_FIELD];
  return isEntryId(asOf) ? minEntryId(asOf, id) : id;
}

/** A stop always goes on: an indicator that somebody sees must end. */
function isOvertaken(
  { accepted, asOf }: Pick<Held, 'accepted' | 'asOf'>,
  { message, stop }: Place,
  nowMs: number,
): boolean {
  if (isStop(accepted.received)) return false;
  return holdsFrom(message, asOf, nowMs) || holdsFrom(stop, asOf, nowMs);
}

/** True when the mark counts and does not lie before `id`: what is as of the mark's own ID came just before it, for the mark took that ID. */
function holdsFrom(mark: Mark | undefined, id: EntryId, nowMs: number): boolean {
  return mark !== undefined && mark.untilMs > nowMs && compareEntryIds(id, mark.id) <= 0;
}
