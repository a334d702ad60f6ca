// The registered members of one stream and which of them are live.

import { compareEntryIds, minEntryId } from '../entries/entry-id.js';
import type { EntryId } from '../port/broker.js';

interface Registration {
  cursor: EntryId;
  beatMs: number;
  /** When the cursor last moved or stood at the end. */
  advancedMs: number;
}

/** Holds one cursor per member; the dead are removed by the ledger's tick. */
export class Roster {
  readonly #livenessMs: number;
  readonly #members = new Map<string, Registration>();
  /** The last sign of life of anybody. */
  #pulseMs = 0;
  #graceUntilMs = 0;

  constructor(livenessMs: number) {
    this.#livenessMs = livenessMs;
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  place(member: string, cursor: EntryId, nowMs: number): void {
    this.#members.set(member, { cursor, beatMs: nowMs, advancedMs: nowMs });
  }

  /** A heartbeat of a registered member. */
  beat(member: string, cursor: EntryId, isAtEnd: boolean, nowMs: number): void {
    const known = this.#members.get(member);
    const stoodStill = known !== undefined && known.cursor === cursor && !isAtEnd;
    this.#members.set(member, { cursor, beatMs: nowMs, advancedMs: stoodStill ? known.advancedMs : nowMs });
  }

  /** A newer cursor of a registered member, without waiting for its heartbeat. */
  advance(member: string, cursor: EntryId, nowMs: number): void {
    const known = this.#members.get(member);
    if (known !== undefined && compareEntryIds(known.cursor, cursor) < 0) this.place(member, cursor, nowMs);
  }

  remove(member: string): void {
    this.#members.delete(member);
  }

  isAnyOtherLive(member: string, nowMs: number): boolean {
    return [...this.#members].some(
      ([name, registration]) => name !== member && this.#isLive(registration, nowMs),
    );
  }

  /** Notes a sign of life. After a silence of half `livenessMs` all members have grace. */
  beatPulse(nowMs: number): void {
    if (nowMs - this.#pulseMs > this.#livenessMs / 2) this.#graceUntilMs = nowMs + this.#livenessMs;
    this.#pulseMs = nowMs;
  }

  /** Removes the dead and returns their names, unless there is grace. */
  buryDead(nowMs: number): string[] {
    if (nowMs < this.#graceUntilMs) return [];
    const dead = [...this.#members].filter(([, registration]) => !this.#isLive(registration, nowMs));
    for (const [name] of dead) this.#members.delete(name);
    return dead.map(([name]) => name);
  }

  smallestCursor(): EntryId | undefined {
    let smallest: EntryId | undefined;
    for (const { cursor } of this.#members.values()) {
      smallest = smallest === undefined ? cursor : minEntryId(smallest, cursor);
    }
    return smallest;
  }

  #isLive({ beatMs, advancedMs }: Registration, nowMs: number): boolean {
    return beatMs > nowMs - this.#livenessMs && advancedMs > nowMs - this.#livenessMs;
  }
}
