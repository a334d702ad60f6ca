// The registered subscribers of one stream. Knows which of them are live.
import { compareEntryIds, type EntryId, minEntryId } from '../entries/entry-id.js';

interface Registration {
  cursor: EntryId;
  beatMs: number;
  /** The last time at which the cursor moved or was at the end of the stream. */
  advancedMs: number;
}

/** Keeps one cursor per subscriber. The acknowledgement pass removes the cursors of dead subscribers. */
export class Roster {
  readonly #livenessMs: number;
  readonly #subscribers = new Map<string, Registration>();
  /** Time of the last call of any subscriber. */
  #pulseMs = 0;
  #graceUntilMs = 0;

  constructor(livenessMs: number) {
    this.#livenessMs = livenessMs;
  }

  has(subscriber: string): boolean {
    return this.#subscribers.has(subscriber);
  }

  register(subscriber: string, cursor: EntryId, nowMs: number): void {
    this.#subscribers.set(subscriber, { cursor, beatMs: nowMs, advancedMs: nowMs });
  }

  /** Records a heartbeat of a subscriber. */
  beat(subscriber: string, cursor: EntryId, isAtEnd: boolean, nowMs: number): void {
    const known = this.#subscribers.get(subscriber);
    const isUnchanged = known !== undefined && known.cursor === cursor && !isAtEnd;
    this.#subscribers.set(subscriber, {
      cursor,
      beatMs: nowMs,
      advancedMs: isUnchanged ? known.advancedMs : nowMs,
    });
  }

  /** Records a newer cursor of a registered subscriber between two heartbeats. */
  advance(subscriber: string, cursor: EntryId, nowMs: number): void {
    const known = this.#subscribers.get(subscriber);
    if (known !== undefined && compareEntryIds(known.cursor, cursor) < 0)
      this.register(subscriber, cursor, nowMs);
  }

  remove(subscriber: string): void {
    this.#subscribers.delete(subscriber);
  }

  isAnyOtherLive(subscriber: string, nowMs: number): boolean {
    return [...this.#subscribers].some(
      ([name, registration]) => name !== subscriber && this.#isLive(registration, nowMs),
    );
  }

  /**
   * Records a call of a subscriber. If no subscriber has called for more than half of `livenessMs`, all of them get a grace
   * period of `livenessMs`.
   */
  beatPulse(nowMs: number): void {
    if (nowMs - this.#pulseMs > this.#livenessMs / 2) this.#graceUntilMs = nowMs + this.#livenessMs;
    this.#pulseMs = nowMs;
  }

  /** Removes the dead subscribers and returns their names. Removes none during a grace period. */
  removeDead(nowMs: number): string[] {
    if (nowMs < this.#graceUntilMs) return [];
    const dead = [...this.#subscribers].filter(([, registration]) => !this.#isLive(registration, nowMs));
    for (const [name] of dead) this.#subscribers.delete(name);
    return dead.map(([name]) => name);
  }

  smallestCursor(): EntryId | undefined {
    let smallest: EntryId | undefined;
    for (const { cursor } of this.#subscribers.values()) {
      smallest = smallest === undefined ? cursor : minEntryId(smallest, cursor);
    }
    return smallest;
  }

  #isLive({ beatMs, advancedMs }: Registration, nowMs: number): boolean {
    return beatMs > nowMs - this.#livenessMs && advancedMs > nowMs - this.#livenessMs;
  }
}
