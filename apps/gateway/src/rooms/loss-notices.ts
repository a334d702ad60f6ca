// Tells each connection once per loss that a stream has lost entries, at a moment of its own. Pure but for the clock.

import type { StreamPosition } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { repeat } from '../repeating-timer.js';

/** Kind of a loss: `gap`, entries in between; `reset`, the stream as it was. */
export type LossReason = 'gap' | 'reset';

/** A connection and its rooms, as far as losses concern them. */
export interface LossMember {
  /** From now on the rooms that it concerns are sent positions that do not hide the loss. False when it concerns none. */
  lose(concerns: (roomId: string) => boolean, reason: LossReason): boolean;
  /** Tells the client of every room that it was not told of yet. */
  tell(): void;
}

/** Dependencies of {@link Losses}. */
export interface LossesPorts {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** A number from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** A place that no stream has: who hands it in is told that it cannot be recovered. */
export const NO_PLACE: StreamPosition = Object.freeze({ epoch: 'lost', cursor: '0-0' });

// One loss is noticed stream by stream, and again when it is counted: all of that is one message.
const settleMs = 1_000;
// All members of a gateway load anew from one backend: at most about 500 a second, and nobody waits longer than half a minute.
const msPerMember = 2;
const [minSpreadMs, maxSpreadMs] = [3_000, 30_000];
const tickMs = 50;

/**
 * ```
 * knows ── a stream of its rooms loses entries ──▶ untold ── its moment comes, it joins a room, or it reads too slowly ──▶ knows
 * ```
 * Events go on at once, to those who are untold as well. But theirs carry positions in which the stream still stands where it was
 * before the loss: an untold client that reconnects is told by the answer of its join (or is brought up to date by a gateway that lost
 * nothing), and is owed nothing on its new connection. So no loss is hidden, and none is told twice.
 */
export class Losses {
  readonly #ports: LossesPorts;
  /** As many as there are connections. */
  readonly #members = new Map<string, LossMember>();
  /** When each untold connection is told. */
  readonly #dueMs = new Map<string, number>();
  /** Positions of the streams before their losses, kept until everybody is told of them. */
  readonly #before = new Map<string, StreamPosition>();
  #cancelTick: CancelTimer = () => {};

  constructor(ports: LossesPorts) {
    this.#ports = ports;
  }

  /** A connection has opened. */
  add(connectionId: string, member: LossMember): void {
    this.#members.set(connectionId, member);
  }

  /** It has ended. */
  remove(connectionId: string): void {
    this.#members.delete(connectionId);
    this.#settle(connectionId);
  }

  /** True when nobody is untold: then positions are what they are. */
  get isEmpty(): boolean {
    return this.#dueMs.size === 0;
  }

  /** Connections that were not told yet. */
  get untold(): readonly string[] {
    return [...this.#dueMs.keys()];
  }

  isUntold(connectionId: string): boolean {
    return this.#dueMs.has(connectionId);
  }

  /** Position of a stream for those who are not yet told of its loss; `undefined` if everybody is. */
  placeBefore(stream: string): StreamPosition | undefined {
    return this.#before.get(stream);
  }

  /**
   * A stream has lost entries. Called before anything from behind the loss is sent.
   *
   * @param before the stream's place before it
   * @param concerns whether events of the room may have stood there
   */
  note(
    stream: string,
    before: StreamPosition,
    reason: LossReason,
    concerns: (roomId: string) => boolean,
  ): void {
    const untold: string[] = [];
    for (const [connectionId, member] of this.#members)
      if (member.lose(concerns, reason)) untold.push(connectionId);
    const fresh = untold.filter((connectionId) => !this.#dueMs.has(connectionId));
    // Whoever is untold already stays at the place before the first of its losses.
    if (untold.length > 0 && !this.#before.has(stream)) this.#before.set(stream, before);
    if (this.isEmpty && fresh.length > 0)
      this.#cancelTick = repeat(this.#ports.clock, tickMs, () => this.#tick());
    const spreadMs = Math.min(maxSpreadMs, Math.max(minSpreadMs, fresh.length * msPerMember));
    const fromMs = this.#ports.clock.monotonicMs() + settleMs;
    for (const connectionId of fresh) this.#dueMs.set(connectionId, fromMs + this.#ports.random() * spreadMs);
  }

  /** Its moment has come early. */
  tellNow(connectionId: string): void {
    if (!this.#dueMs.has(connectionId)) return;
    this.#members.get(connectionId)?.tell();
    this.#settle(connectionId);
  }

  /** Nobody is told any more: connections end, and who comes back is told there. */
  stop(): void {
    this.#cancelTick();
  }

  #tick(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const [connectionId, dueMs] of this.#dueMs) if (dueMs <= nowMs) this.tellNow(connectionId);
  }

  #settle(connectionId: string): void {
    if (!this.#dueMs.delete(connectionId) || !this.isEmpty) return;
    this.#before.clear();
    this.#cancelTick();
  }
}

/** The group of a room's members that are untold. No room ID holds such a character. */
export function untoldGroup(roomId: string): string {
  return `\u0000${roomId}`;
}

/** True for a group of {@link untoldGroup}. */
export function isUntoldGroup(group: string): boolean {
  return group.startsWith('\u0000');
}
