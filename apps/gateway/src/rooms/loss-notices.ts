// Notifies each connection once per loss that a stream has lost entries, at a random moment. Pure but for the clock.
import type { StreamPosition } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/** Kind of a loss: `gap`, entries in between are missing; `reset`, the whole stream was lost or went back. */
export type LossReason = 'gap' | 'reset';

/** A connection that can be notified of losses in its rooms. */
export interface LossListener {
  /**
   * From this call on, the affected rooms are sent positions that do not hide the loss.
   *
   * @returns false when none of its rooms is affected
   */
  noteLoss(affects: (roomId: string) => boolean, reason: LossReason): boolean;
  /** Notifies the client of every room for which a notice is pending. */
  notify(): void;
}

/** Dependencies of {@link LossNotices}. */
export interface LossNoticesDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Returns a number from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** A position that no stream has: a client that presents it is told that its events cannot be recovered. */
export const UNRECOVERABLE_POSITION: StreamPosition = Object.freeze({ epoch: 'lost', cursor: '0-0' });

// One loss is noticed stream by stream, and again when it is counted: all of that becomes one notice.
const settleMs = 1_000;
// All clients of a gateway reload from one backend: about 500 a second at the most, and nobody waits longer than half a minute.
const msPerConnection = 2;
const [minSpreadMs, maxSpreadMs] = [3_000, 30_000];
const checkIntervalMs = 50;

/**
 * ```
 * notified ── a stream of its rooms loses entries ──▶ pending ── its moment comes, it joins a room, or it lags ──▶ notified
 * ```
 * Events are still sent at once, also to connections with a pending notice. But their events carry positions in which the stream is
 * where it was before the loss. If such a client reconnects, the answer to its join reports the loss (or a gateway that lost nothing
 * sends it what it missed), and its new connection needs no notice. So no loss is hidden, and none is reported twice.
 */
export class LossNotices {
  readonly #dependencies: LossNoticesDependencies;
  /** One per open connection. */
  readonly #listeners = new Map<string, LossListener>();
  /** Time at which each connection with a pending notice is notified. */
  readonly #dueMs = new Map<string, number>();
  /** Positions of the streams before their losses, kept until every connection is notified. */
  readonly #before = new Map<string, StreamPosition>();
  #cancelTimer: CancelTimer = () => {};

  constructor(dependencies: LossNoticesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Adds a connection that has opened. */
  add(connectionId: string, listener: LossListener): void {
    this.#listeners.set(connectionId, listener);
  }

  /** Removes a connection that has ended. */
  remove(connectionId: string): void {
    this.#listeners.delete(connectionId);
    this.#settle(connectionId);
  }

  /** True when no notice is pending: then every connection is sent the current positions. */
  get isEmpty(): boolean {
    return this.#dueMs.size === 0;
  }

  /** Connections with a pending notice. */
  get pendingConnections(): readonly string[] {
    return [...this.#dueMs.keys()];
  }

  isPending(connectionId: string): boolean {
    return this.#dueMs.has(connectionId);
  }

  /** Position of a stream for connections with a pending notice of its loss; `undefined` if there are none. */
  positionBefore(stream: string): StreamPosition | undefined {
    return this.#before.get(stream);
  }

  /**
   * Records that a stream has lost entries. Called before anything from behind the loss is sent.
   *
   * @param before the stream's position before the loss
   * @param affects returns true for rooms whose events may have been lost
   */
  recordLoss(
    stream: string,
    before: StreamPosition,
    reason: LossReason,
    affects: (roomId: string) => boolean,
  ): void {
    const affected: string[] = [];
    for (const [connectionId, listener] of this.#listeners)
      if (listener.noteLoss(affects, reason)) affected.push(connectionId);
    const added = affected.filter((connectionId) => !this.#dueMs.has(connectionId));
    // A connection whose notice is pending keeps the position before the first of its losses.
    if (affected.length > 0 && !this.#before.has(stream)) this.#before.set(stream, before);
    if (this.isEmpty && added.length > 0)
      this.#cancelTimer = startRepeatingTimer(this.#dependencies.clock, checkIntervalMs, () =>
        this.#notifyDue(),
      );
    const spreadMs = Math.min(maxSpreadMs, Math.max(minSpreadMs, added.length * msPerConnection));
    const fromMs = this.#dependencies.clock.monotonicMs() + settleMs;
    for (const connectionId of added)
      this.#dueMs.set(connectionId, fromMs + this.#dependencies.random() * spreadMs);
  }

  /** Notifies a connection before its moment has come, if its notice is pending. */
  notifyNow(connectionId: string): void {
    if (!this.#dueMs.has(connectionId)) return;
    this.#listeners.get(connectionId)?.notify();
    this.#settle(connectionId);
  }

  /** Sends no more notices: connections end, and clients that come back learn of the loss there. */
  stop(): void {
    this.#cancelTimer();
  }

  #notifyDue(): void {
    const timeMs = this.#dependencies.clock.monotonicMs();
    for (const [connectionId, dueMs] of this.#dueMs) if (dueMs <= timeMs) this.notifyNow(connectionId);
  }

  #settle(connectionId: string): void {
    if (!this.#dueMs.delete(connectionId) || !this.isEmpty) return;
    this.#before.clear();
    this.#cancelTimer();
  }
}

/** The group of a room's connections whose notice is pending. No room ID contains such a character. */
export function pendingNoticeGroup(roomId: string): string {
  return `\u0000${roomId}`;
}

/** True for a group of {@link pendingNoticeGroup}. */
export function isPendingNoticeGroup(group: string): boolean {
  return group.startsWith('\u0000');
}
