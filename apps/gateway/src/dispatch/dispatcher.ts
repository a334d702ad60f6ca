// Handles each entry that the gateway reads: decides whether to deliver the entry, then acts on the decision. Runs synchronously
// and in stream order.
import type { Entry, StreamPosition } from '@millrace/broker';
import type { AnyCatalog, EraseControl, ReceivedEvent } from '@millrace/contract';
import { type Clock, messageOf, toError } from '@millrace/internal';
import type { Erasures } from '../erasure/erasures.js';
import { type GateDropReason, IndicatorGate } from '../indicators/indicator-gate.js';
import type { MembershipControls } from '../membership/membership-controls.js';
import type { RoomSender } from '../rooms/room-sender.js';
import type { Rooms } from '../rooms/rooms.js';
import type { Views } from '../views/views.js';
import { type ControlContext, type ControlCount, ControlEntries } from './control-entries.js';
import { type Accepted, type DecisionRules, type Dropped, decide } from './decide.js';
import { prepareEvent } from './event-text.js';
import { appendedAtMs, clockSkewMs, isNaive } from './freshness.js';
import type { Rejections } from './rejections.js';
import { SeenEvents } from './seen-events.js';

// Time for which an event that ended an indicator (such as typing) is remembered. Older events that start the indicator but
// arrive late are dropped during this time.
const endingMemoryMs = 10_000;
// Maximum number of states in the indicator gate. There is one state per user, slot and room with a message or typing in the
// last 10 s. Above the maximum, a late start event may show an indicator by mistake until it expires.
const maxGateKeys = 100_000;
// Maximum length of an error's text in the reason of a dead letter.
const maxReasonChars = 300;

/** Reason why an event was not delivered. */
export type UndeliveredReason = Dropped['reason'] | GateDropReason;

/** Callbacks for everything that happens to an event. */
export interface DispatchObserver {
  delivered(received: ReceivedEvent, recipients: number, delayMs: number): void;
  dropped(received: ReceivedEvent, reason: UndeliveredReason): void;
  /** Called for an entry that is not an event, as the intake rule of its stream says. */
  skipped(): void;
  /** Called for each control entry. */
  control(count: ControlCount): void;
  clockSkewed(received: ReceivedEvent): void;
  /** Called when the event's timestamp has no offset from UTC. */
  naiveTimestamp(received: ReceivedEvent): void;
  /** Called when a function of the application, or the gateway itself, failed on an entry. */
  failed(stream: string, entry: Entry, error: unknown): void;
}

/** Limits and rules of {@link EventDispatcher}. */
export interface EventDispatcherOptions {
  readonly catalog: AnyCatalog;
  readonly freshness: 'entry' | 'timestamp';
  readonly dedupeWindowMs: number;
  readonly maxDedupeIds: number;
  readonly clockSkewLimitMs: number;
}

/** Dependencies of {@link EventDispatcher}. */
export interface EventDispatcherDependencies {
  readonly rooms: Pick<Rooms, 'brokerTimeMs' | 'indicators'> & {
    readonly positions: Pick<Rooms['positions'], 'ofRoom' | 'at' | 'belongs'>;
    readonly replay: Pick<Rooms['replay'], 'remember'>;
  };
  readonly sender: Pick<RoomSender, 'hasConnections' | 'send'>;
  /** `undefined` if the application has no views. */
  readonly views?: Pick<Views, 'send'> | undefined;
  readonly rejections: Pick<Rejections, 'reject'>;
  readonly erasures: Pick<Erasures, 'apply'>;
  readonly membership: Pick<MembershipControls, 'changeMember' | 'signOut'>;
  /** The clock of the windows in which indicator events wait, and of the rooms' indicators. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly observer: DispatchObserver;
}

/**
 * Dispatches entries to rooms.
 *
 * Guarantees:
 * - Entries are handled in the order of the calls.
 * - Events with the same `event_id` are delivered once within the deduplication interval.
 * - The `event_id` of a rejected or stale entry is not remembered. A good entry with the same ID therefore still passes.
 * - An entry on which a function of the catalog throws is rejected, and the entries after it are handled. Nothing throws.
 */
export class EventDispatcher {
  readonly #dependencies: EventDispatcherDependencies;
  readonly #clockSkewLimitMs: number;
  readonly #seen: SeenEvents;
  readonly #rules: DecisionRules;
  /** Rules for entries that were delivered before this gateway started. */
  readonly #warmUpRules: DecisionRules;
  readonly #gate: IndicatorGate;
  readonly #controls: ControlEntries;

  constructor(options: EventDispatcherOptions, dependencies: EventDispatcherDependencies) {
    const { catalog, freshness, dedupeWindowMs: keepMs, maxDedupeIds: maxIds } = options;
    this.#dependencies = dependencies;
    this.#clockSkewLimitMs = options.clockSkewLimitMs;
    this.#seen = new SeenEvents({ keepMs, maxIds });
    this.#rules = { catalog, freshness, positions: dependencies.rooms.positions, seen: this.#seen };
    this.#warmUpRules = { ...this.#rules, freshness: 'none' };
    this.#gate = new IndicatorGate(
      { memoryMs: endingMemoryMs, maxKeys: maxGateKeys },
      {
        clock: dependencies.clock,
        release: (accepted) => this.#release(accepted),
        dropped: ({ received }, reason) => dependencies.observer.dropped(received, reason),
      },
    );
    this.#controls = new ControlEntries({
      handlers: {
        erase: (control, place) => this.#erase(control, place),
        members: (control, place) => dependencies.membership.changeMember(control, place),
        sign_out: (control, place) => dependencies.membership.signOut(control, place),
      },
      onControl: (count) => dependencies.observer.control(count),
    });
  }

  /** Delivers, drops or rejects one entry, or follows it if it is a control entry. */
  dispatch(stream: string, entry: Entry): void {
    try {
      this.#dispatch(stream, entry);
    } catch (error) {
      this.#rejectFailed(stream, entry, error);
    }
  }

  /**
   * Rejects an entry on which a function threw. The functions of a catalog are the application's, and may fail on a payload that
   * nobody expected.
   */
  #rejectFailed(stream: string, entry: Entry, error: unknown): void {
    const { observer, rejections } = this.#dependencies;
    observer.failed(stream, entry, error);
    rejections.reject(stream, entry, { action: 'reject', reason: failureReason(error) });
  }

  #dispatch(stream: string, entry: Entry): void {
    if (this.#controls.handle({ stream, entry })) return;
    const { observer, rejections, rooms } = this.#dependencies;
    const decision = decide(stream, entry, rooms.brokerTimeMs(), this.#rules);
    switch (decision.action) {
      case 'reject':
        rejections.reject(stream, entry, decision);
        return;
      case 'skip':
        observer.skipped();
        return;
      case 'drop':
        observer.dropped(decision.received, decision.reason);
        return;
      case 'deliver':
        // Clients wait for the event. Therefore it is sent before it is noted for deduplication and as the end
        // of indicators. No other code runs in between.
        if (this.#gate.admits(decision)) this.#deliver(decision);
        this.#gate.noteEnding(decision);
        this.#seen.add(decision.received, decision.appendedMs);
        this.#observeTimestamp(decision);
    }
  }

  /** Delivers a start event that the gate has held back. */
  #release(accepted: Accepted): void {
    try {
      this.#deliver(accepted);
    } catch (error) {
      this.#rejectFailed(accepted.stream, accepted.entry, error);
    }
  }

  /**
   * Remembers an entry that was delivered before this gateway started. A repeat of it is then not delivered, and a client
   * that reconnects can get it in a replay.
   *
   * @param positionOf returns the position in a stream for a client that received all entries up to and including this one
   */
  warmUp(stream: string, entry: Entry, positionOf: (stream: string) => StreamPosition): void {
    try {
      this.#warmUp(stream, entry, positionOf);
    } catch (error) {
      // The gateway that read the entry first has rejected it. A gateway that did not start because of it could never start.
      this.#dependencies.observer.failed(stream, entry, error);
    }
  }

  #warmUp(stream: string, entry: Entry, positionOf: (stream: string) => StreamPosition): void {
    if (this.#controls.handle({ stream, entry, positionOf })) return;
    const { positions, replay } = this.#dependencies.rooms;
    const brokerTimeMs = this.#dependencies.rooms.brokerTimeMs();
    const decision = decide(stream, entry, brokerTimeMs, this.#warmUpRules);
    if (decision.action !== 'deliver') return;
    const { received, appendedMs } = decision;
    this.#seen.add(received, appendedMs);
    if (brokerTimeMs - appendedMs < endingMemoryMs) this.#gate.noteEnding(decision);
    if (!isReplayed(received)) return;
    const call = prepareEvent(received, positions.at(received.event.room_id, positionOf));
    replay.remember(stream, entry.id, received, call, appendedMs);
  }

  /** Delivers all waiting events without waiting for the end of their windows. */
  flush(): void {
    this.#gate.flush();
  }

  /** Erases entries. A repeat of an erased event is a duplicate, even if the event was appended long ago. */
  #erase(control: EraseControl, place: ControlContext): void {
    const { erasures, rooms } = this.#dependencies;
    const timeMs = appendedAtMs(place.entry, rooms.brokerTimeMs());
    for (const { eventId } of control.entries) if (eventId !== undefined) this.#seen.addId(eventId, timeMs);
    erasures.apply(control, place);
  }

  #observeTimestamp({ entry, received, appendedMs }: Accepted): void {
    const { observer } = this.#dependencies;
    if (isNaive(entry)) observer.naiveTimestamp(received);
    else if (Math.abs(clockSkewMs(received, appendedMs)) > this.#clockSkewLimitMs)
      observer.clockSkewed(received);
  }

  /**
   * Stores the event if it can be replayed later, and sends it to the connections in its room. Encodes the event only if it
   * is stored or the room has a connection.
   */
  #deliver({ stream, entry, received, appendedMs }: Accepted): void {
    const { clock, observer, rooms, sender, views } = this.#dependencies;
    const { room_id: roomId } = received.event;
    const user = rooms.indicators.observe(received, clock.monotonicMs());
    const isKept = isReplayed(received);
    const isWanted = isKept || sender.hasConnections(roomId);
    const call = isWanted ? prepareEvent(received, rooms.positions.ofRoom(roomId)) : undefined;
    // The event is stored before it is sent. If the send fills the queue of a client, that client continues after the newest
    // stored event.
    if (isKept && call !== undefined) rooms.replay.remember(stream, entry.id, received, call, appendedMs);
    const at = { stream, id: entry.id, exceptUser: user };
    const recipients = sender.send(received, call, at) + (views?.send(received, at) ?? 0);
    observer.delivered(received, recipients, rooms.brokerTimeMs() - appendedMs);
  }
}

function isReplayed({ declaration }: ReceivedEvent): boolean {
  return declaration.replay.mode !== 'none';
}

/** Returns the reason of a dead letter. Only the first line of an error is for people. */
function failureReason(error: unknown): string {
  const thrown = toError(error);
  const text = thrown === error ? `${thrown.name}: ${messageOf(thrown)}` : thrown.message;
  const [line = ''] = text.split('\n');
  return `a function of the catalog, or the gateway, failed on this event: ${line.slice(0, maxReasonChars)}`;
}
