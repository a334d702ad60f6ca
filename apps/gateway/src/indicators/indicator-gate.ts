// Passes events of indicators (typing, and those of an application's own catalog) to clients: at most one per user, room and window,
// the last one, and no start that a message or a stop of its user has overtaken. Most of them were coalesced before; the gate handles
// plain XADD, and events that waited in a window while a message passed them. It compares entry IDs, never clocks of producers.
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

/** Reason why an event was dropped: a message or a stop overtook it, or a later state of its user replaced it. */
export type GateDropReason = 'ended' | 'superseded';

/** Dependencies of {@link IndicatorGate}. */
export interface IndicatorGateDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Delivers an event whose window is over. */
  release(accepted: Accepted): void;
  dropped(accepted: Accepted, reason: GateDropReason): void;
}

/** Bounds of {@link IndicatorGate}. */
export interface IndicatorGateOptions {
  /** Time for which a message or a stop is remembered against starts that arrive late. */
  readonly memoryMs: number;
  /** Most users of rooms remembered; the one without news for longest is forgotten first, and its waiting event is sent. */
  readonly maxKeys: number;
}

/** An entry that ended an indicator, and until when it counts: a stream that was lost begins anew with other IDs. */
interface EndingEntry {
  readonly id: EntryId;
  readonly untilMs: number;
}

/** An event that waits for the end of its window. */
interface WaitingEvent {
  readonly accepted: Accepted;
  readonly asOf: EntryId;
  readonly cancelTimer: CancelTimer;
}

/** One user in one slot of one room: Open ─event─▶ Closed for a window ─event─▶ Waiting ─window over─▶ Closed … ─▶ Open. */
interface GateState {
  /** The newest message. A start as of before it is dropped. */
  lastMessage: EndingEntry | undefined;
  /** The newest stop. A start as of before it is dropped. */
  lastStop: EndingEntry | undefined;
  /** Time from which the next event may pass. */
  opensAtMs: number;
  forgetAtMs: number;
  waiting: WaitingEvent | undefined;
}

/** See the file's comment. Every event it is given is delivered, dropped with a reason, or replaced by a later one. */
export class IndicatorGate {
  readonly #options: IndicatorGateOptions;
  readonly #dependencies: IndicatorGateDependencies;
  /** The state that changed longest ago comes first. */
  readonly #states = new OldestFirstMap<string, GateState>();

  constructor(options: IndicatorGateOptions, dependencies: IndicatorGateDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /**
   * Decides about an event; called in stream order. True: the event is delivered now, as every event is whose type shows no indicator.
   * False: it was dropped, or waits for the end of its user's window.
   */
  admits(accepted: Accepted): boolean {
    const { entry, received } = accepted;
    const { coalescing, replay } = received.declaration;
    this.noteEnding(accepted);
    // Events that are replayed must keep their place in the stream.
    if (coalescing === undefined || replay.mode !== 'none') return true;
    const key = coalescing.key(received.event.payload);
    if (key === undefined) return true;
    const state = this.#stateOf(received.event.room_id, coalescing.slot, key);
    const timeMs = this.#monotonicMs();
    const asOf = asOfEntry(entry);
    if (isOvertaken({ accepted, asOf }, state, timeMs)) {
      this.#dependencies.dropped(accepted, 'ended');
      return false;
    }
    if (isStop(received) && !isEndedBy(state.lastStop, asOf, timeMs)) {
      // A stop that waited in a window took no ID: a start as of the same moment belongs to the next window.
      state.lastStop = this.#endingEntry(asOf === entry.id ? asOf : previousEntryId(asOf));
    }
    if (state.waiting === undefined && timeMs >= state.opensAtMs) {
      state.opensAtMs = timeMs + coalescing.windowMs;
      return true;
    }
    if (state.waiting !== undefined) this.#dependencies.dropped(state.waiting.accepted, 'superseded');
    const cancelTimer =
      state.waiting?.cancelTimer ??
      this.#dependencies.clock.startTimer(
        () => this.#release(state, coalescing.windowMs),
        state.opensAtMs - timeMs,
      );
    state.waiting = { accepted, asOf, cancelTimer };
    return false;
  }

  /** Notes an event that ends an indicator, as a message ends its sender's typing; also one that was delivered before this gateway started. */
  noteEnding({ entry, received: { event, declaration } }: Accepted): void {
    const ending = declaration.endsCoalescing;
    const key = ending?.key(event.payload);
    if (ending === undefined || key === undefined) return;
    const state = this.#stateOf(event.room_id, ending.slot, key);
    state.lastMessage = this.#endingEntry(entry.id);
    const { waiting } = state;
    if (waiting === undefined || !isOvertaken(waiting, state, this.#monotonicMs())) return;
    waiting.cancelTimer();
    state.waiting = undefined;
    this.#dependencies.dropped(waiting.accepted, 'ended');
  }

  /** Delivers every event that waits. */
  flush(): void {
    for (const state of this.#states.values()) {
      state.waiting?.cancelTimer();
      this.#release(state, 0);
    }
  }

  #monotonicMs(): number {
    return this.#dependencies.clock.monotonicMs();
  }

  #endingEntry(id: EntryId): EndingEntry {
    return { id, untilMs: this.#monotonicMs() + this.#options.memoryMs };
  }

  #release(state: GateState, windowMs: number): void {
    const { waiting } = state;
    if (waiting === undefined) return;
    state.waiting = undefined;
    state.opensAtMs = this.#monotonicMs() + windowMs;
    this.#dependencies.release(waiting.accepted);
  }

  #stateOf(roomId: string, slot: string, key: string): GateState {
    const timeMs = this.#monotonicMs();
    // A room ID and a slot contain no control characters, so this name is unambiguous.
    const name = `${roomId}\u0000${slot}\u0000${key}`;
    const known = this.#states.get(name);
    const isValid = known !== undefined && (known.forgetAtMs > timeMs || known.waiting !== undefined);
    const state = isValid
      ? known
      : { lastMessage: undefined, lastStop: undefined, opensAtMs: 0, forgetAtMs: 0, waiting: undefined };
    state.forgetAtMs = timeMs + this.#options.memoryMs;
    this.#states.set(name, state);
    this.#forgetOld(timeMs);
    return state;
  }

  /** Forgets two at a time, so that the map shrinks faster than it grows and no event pays for many. */
  #forgetOld(timeMs: number): void {
    for (let checks = 2; checks > 0; checks -= 1) {
      const oldest = this.#states.oldest();
      if (oldest === undefined) return;
      const [name, state] = oldest;
      const isFull = this.#states.size > this.#options.maxKeys;
      if (state.forgetAtMs > timeMs && !isFull) return;
      state.waiting?.cancelTimer();
      this.#states.delete(name);
      this.#release(state, 0);
    }
  }
}

/** True for an event that ends its indicator. */
function isStop({ event, declaration: { indicator } }: ReceivedEvent): boolean {
  return indicator !== undefined && !showsIndicator(indicator, event.payload);
}

/** The ID that the event would have had when it was made: its field `as_of`, else its own ID. An event by plain XADD is as of its own ID. */
function asOfEntry({ id, fields }: Entry): EntryId {
  const asOf = fields[AS_OF_FIELD];
  return isEntryId(asOf) ? minEntryId(asOf, id) : id;
}

/** True for a start that a message or a stop has overtaken. A stop always passes: an indicator that a client shows must end. */
function isOvertaken(
  { accepted, asOf }: Pick<WaitingEvent, 'accepted' | 'asOf'>,
  { lastMessage, lastStop }: GateState,
  timeMs: number,
): boolean {
  if (isStop(accepted.received)) return false;
  return isEndedBy(lastMessage, asOf, timeMs) || isEndedBy(lastStop, asOf, timeMs);
}

/** True when the ending counts and is not before `id`. An event as of the ending's own ID came just before it, because the ending took that ID. */
function isEndedBy(ending: EndingEntry | undefined, id: EntryId, timeMs: number): boolean {
  return ending !== undefined && ending.untilMs > timeMs && compareEntryIds(id, ending.id) <= 0;
}
