// Limits the indicator events that clients receive, such as typing. Clients get only the newest event per user and room in
// each window. A start is an event that shows the indicator, and a stop is an event that ends it. The gate drops a start that
// was made before a message or a stop of the same user.
//
// Publishers have already coalesced most of these events. The gate is for events of a plain XADD, and for events that waited
// in a publisher's window while a message was published. It compares entry IDs, never clocks of producers.
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

/**
 * Reason why an event was dropped. `ended`: a message or a stop of the same user overtook it. `superseded`: a newer event of
 * the same user replaced it.
 */
export type GateDropReason = 'ended' | 'superseded';

/** Dependencies of {@link IndicatorGate}. */
export interface IndicatorGateDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Delivers an event that waited for the end of its window. */
  release(accepted: Accepted): void;
  dropped(accepted: Accepted, reason: GateDropReason): void;
}

/** Bounds of {@link IndicatorGate}. */
export interface IndicatorGateOptions {
  /** Time for which a message or a stop is remembered, in order to drop older starts that arrive late. */
  readonly memoryMs: number;
  /**
   * Maximum number of remembered states, one per user, slot and room. Above it, the state that changed longest ago is
   * forgotten, and its waiting event is sent.
   */
  readonly maxKeys: number;
}

/**
 * An entry that ended an indicator. The entry is ignored after `untilMs`, because a stream that was lost
 * begins again with other IDs.
 */
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

/**
 * The state of one user in one slot of one room:
 *
 * Open ─event─▶ Closed for a window ─event─▶ Waiting ─window over─▶ Closed … ─▶ Open.
 */
interface GateState {
  /** The user's newest message. A start from before it is dropped. */
  lastMessage: EndingEntry | undefined;
  /** The user's newest stop. A start from before it is dropped. */
  lastStop: EndingEntry | undefined;
  /** Time from which the next event may pass. */
  opensAtMs: number;
  forgetAtMs: number;
  waiting: WaitingEvent | undefined;
}

/** The gate of all rooms. Every event that is passed to it is either delivered, or dropped with a reason. */
export class IndicatorGate {
  readonly #options: IndicatorGateOptions;
  readonly #dependencies: IndicatorGateDependencies;
  /** The states by room, slot and user. The state that changed longest ago comes first. */
  readonly #states = new OldestFirstMap<string, GateState>();

  constructor(options: IndicatorGateOptions, dependencies: IndicatorGateDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /**
   * Returns true if the event is to be delivered now. An event that is replayed or not coalesced always is. Returns false if
   * the event was dropped, or waits for the end of its user's window. Must be called in stream order.
   */
  admits(accepted: Accepted): boolean {
    const { entry, received } = accepted;
    const { coalescing, replay } = received.declaration;
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
      // No entry has the ID `asOf` if a stop waited in a window. A start with the same `asOf` came after that stop and must
      // pass.
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

  /**
   * Remembers an event that ends an indicator. For example, a message ends its sender's typing. Must be called for every
   * event in stream order, even for one that was delivered before this gateway started.
   */
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

  /** Delivers every waiting event immediately. */
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
    // Different states have different names, because a room ID and a slot contain no control characters.
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

  /**
   * Forgets at most two states per call, so that no call takes long. A call adds at most one state, so the map shrinks faster
   * than it grows.
   */
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

/**
 * Returns the entry ID that the event would have had when it was made: the value of the field `as_of`, at most the entry's
 * own ID. An event without a valid `as_of`, such as one of a plain XADD, counts as made at its own ID.
 */
function asOfEntry({ id, fields }: Entry): EntryId {
  const asOf = fields[AS_OF_FIELD];
  return isEntryId(asOf) ? minEntryId(asOf, id) : id;
}

/** True for a start that a message or a stop has overtaken. A stop always passes, because a shown indicator must end. */
function isOvertaken(
  { accepted, asOf }: Pick<WaitingEvent, 'accepted' | 'asOf'>,
  { lastMessage, lastStop }: GateState,
  timeMs: number,
): boolean {
  if (isStop(accepted.received)) return false;
  return isEndedBy(lastMessage, asOf, timeMs) || isEndedBy(lastStop, asOf, timeMs);
}

/**
 * True unless the ending has expired or `id` is after it. An event with the ID of the ending was made just before the ending,
 * which then took this ID.
 */
function isEndedBy(ending: EndingEntry | undefined, id: EntryId, timeMs: number): boolean {
  return ending !== undefined && ending.untilMs > timeMs && compareEntryIds(id, ending.id) <= 0;
}
