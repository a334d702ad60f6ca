// From an entry of a stream to the members of its room. Decides for each entry: deliver, drop (counted, with a
// reason) or reject (a dead letter). Runs synchronously, in stream order; knows no Redis and no sockets.
import type { Clock, Entry } from '@millrace/broker';
import { type AnyCatalog, describeIssues, type ReceivedEvent } from '@millrace/contract';
import { eventText } from './event-text.js';
import { appendedAtMs, clockSkewMs, isNaive, isStale } from './freshness.js';
import { SeenIds } from './seen-ids.js';
import { TypingGate } from './typing-gate.js';

// As long as the contract's own windows remember a message.
const typingMemoryMs = 10_000;
// Users of rooms that wrote or typed in the last 10 s; beyond it a late start may show until it expires.
const maxTypingKeys = 100_000;
// IDs of typing events remembered. Apart from the others, or a storm of typing would push those out within seconds.
const maxFleetingIds = 50_000;

/** Why an event was not delivered. */
export type UndeliveredReason = 'stale' | 'duplicate' | 'ended' | 'superseded';

/** What the router needs of the rest of the gateway. */
export interface RouterPorts {
  /** Broker time, in milliseconds since 1970. */
  brokerTimeMs(): number;
  /** Position of every member of the room that has been sent all entries up to and including the one that is routed. */
  positionAt(roomId: string): string;
  /** Whether events of the room may stand in this stream. */
  belongs(roomId: string, stream: string): boolean;
  /** Sends an event to its room. Returns the number of connections it was queued to. */
  send(received: ReceivedEvent, createText: () => string): number;
  /** Keeps a delivered event for those who come back. */
  remember(stream: string, entry: Entry, received: ReceivedEvent, createText: () => string): void;
  /**
   * Takes what can never be delivered. The reason is words; it holds no value of the event. `unknownType`: the type, where it is not in
   * the catalog of this gateway.
   */
  reject(stream: string, entry: Entry, reason: string, unknownType?: string): void;
  /** Time for events that must wait a moment. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly observer: RouterObserver;
}

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

/**
 * Routes entries to rooms.
 *
 * Guarantees: entries are handled in the order of the calls; an `event_id` is delivered once within the window; a
 * rejected or stale entry leaves no trace in the window, so that a good one with its ID still passes.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #ports: RouterPorts;
  readonly #seenIds: SeenIds;
  /** Of events that are never replayed. */
  readonly #seenFleetingIds: SeenIds;
  readonly #typingGate: TypingGate;

  constructor(options: RouterOptions, ports: RouterPorts) {
    this.#options = options;
    this.#ports = ports;
    const { dedupeWindowMs: windowMs, maxDedupeIds: maxIds } = options;
    this.#seenIds = new SeenIds({ windowMs, maxIds });
    this.#seenFleetingIds = new SeenIds({ windowMs, maxIds: Math.min(maxIds, maxFleetingIds) });
    this.#typingGate = new TypingGate(
      { memoryMs: typingMemoryMs, maxKeys: maxTypingKeys },
      {
        nowMs: () => ports.clock.monotonicMs(),
        startTimer: (callback, delayMs) => ports.clock.startTimer(callback, delayMs),
        dropped: (received, reason) => ports.observer.dropped(received, reason),
      },
    );
  }

  /** Handles one entry. */
  route(stream: string, entry: Entry): void {
    if (entry.isUtf8 === false) {
      this.#ports.reject(stream, entry, 'a field holds bytes that are not UTF-8 text');
      return;
    }
    const parsed = this.#options.catalog.parseEntry(entry.fields);
    if (!parsed.ok) {
      const reason = describeIssues(parsed.issues, parsed.eventType);
      this.#ports.reject(stream, entry, reason, this.#unknownTypeOf(entry));
      return;
    }
    if (!this.#ports.belongs(parsed.value.event.room_id, stream)) {
      this.#ports.reject(stream, entry, 'the room belongs to another partition');
      return;
    }
    this.#deliver(stream, entry, parsed.value);
  }

  /**
   * Takes notice of an entry that was delivered before this gateway came: a repeat of it is not delivered again, and who comes
   * back is sent it. `positionOf`: of a member of the room that has been sent it.
   */
  recall(stream: string, entry: Entry, positionOf: (roomId: string) => string): void {
    if (entry.isUtf8 === false) return;
    const parsed = this.#options.catalog.parseEntry(entry.fields);
    if (!parsed.ok || !this.#ports.belongs(parsed.value.event.room_id, stream)) return;
    const brokerTimeMs = this.#ports.brokerTimeMs();
    const entryTimeMs = appendedAtMs(entry, brokerTimeMs);
    if (!this.#isFirst(parsed.value, entryTimeMs)) return;
    if (brokerTimeMs - entryTimeMs < typingMemoryMs) this.#typingGate.noteMessage(parsed.value, entry.id);
    this.#ports.remember(stream, entry, parsed.value, () =>
      eventText(parsed.value, positionOf(parsed.value.event.room_id)),
    );
  }

  /** Lets typing go on that waits for the end of its window. */
  flush(): void {
    this.#typingGate.flush();
  }

  #unknownTypeOf({ fields }: Entry): string | undefined {
    const type = fields['event_type'];
    if (type === undefined || type === '') return undefined;
    return this.#options.catalog.find(type) === undefined ? type : undefined;
  }

  #deliver(stream: string, entry: Entry, received: ReceivedEvent): void {
    const { observer } = this.#ports;
    const { freshness, clockSkewLimitMs } = this.#options;
    const brokerTimeMs = this.#ports.brokerTimeMs();
    if (isStale(received, entry, { freshness, brokerTimeMs })) {
      observer.dropped(received, 'stale');
      return;
    }
    const entryTimeMs = appendedAtMs(entry, brokerTimeMs);
    if (!this.#isFirst(received, entryTimeMs)) {
      observer.dropped(received, 'duplicate');
      return;
    }
    if (isNaive(entry)) observer.naive(received);
    else if (Math.abs(clockSkewMs(received, entryTimeMs)) > clockSkewLimitMs) observer.clockSkewed(received);
    this.#typingGate.pass(received, entry, () => this.#hand(stream, entry, received));
  }

  #isFirst({ event, declaration }: ReceivedEvent, timeMs: number): boolean {
    const seenIds = declaration.replay.mode === 'none' ? this.#seenFleetingIds : this.#seenIds;
    return seenIds.isFirst(event.event_id, timeMs);
  }

  /** To those who are here, and to the memory for those who come back. */
  #hand(stream: string, entry: Entry, received: ReceivedEvent): void {
    // Written at most once, for the clients here and for those who come back; not at all when there is neither.
    let text: string | undefined;
    const createText = (): string => {
      text ??= eventText(received, this.#ports.positionAt(received.event.room_id));
      return text;
    };
    this.#ports.remember(stream, entry, received, createText);
    const recipients = this.#ports.send(received, createText);
    const brokerTimeMs = this.#ports.brokerTimeMs();
    const delayMs = brokerTimeMs - appendedAtMs(entry, brokerTimeMs);
    this.#ports.observer.delivered(received, recipients, delayMs);
  }
}
