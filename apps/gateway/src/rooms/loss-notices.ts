// Notifies each affected connection, once and at a random moment, that a stream has lost entries. Pure except for the clock.
import type { StreamPosition } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/**
 * Kind of a loss. `gap`: entries left the stream before this gateway read them. `reset`: the stream was lost or went back to an
 * earlier state.
 */
export type LossReason = 'gap' | 'reset';

/** A connection that can be notified of losses in its rooms. */
export interface LossListener {
  /**
   * Makes a notice pending in the affected rooms. Until it is sent, the client gets positions that do not hide the loss. A connection
   * that lags in a room sends the notice for this room itself, before the next event.
   *
   * @returns false if no notice is pending in any room in which the connection is present
   */
  noteLoss(affects: (roomId: string) => boolean, reason: LossReason): boolean;
  /** Notifies the client of every room for which a notice is pending. */
  notify(): void;
  /** Tells the client a position that is valid for all of its rooms. */
  tellPosition(position: string): void;
}

/** Dependencies of {@link LossNotices}. */
export interface LossNoticesDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Returns a random number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** A position that no stream has. A client that joins with it receives the answer `recovered: false`. */
export const UNRECOVERABLE_POSITION: StreamPosition = Object.freeze({ epoch: 'lost', cursor: '0-0' });

// Delay before the first notice, so that one fault leads to one notice. A fault may be detected several
// times: in one stream after the other, and again when the lost entries are counted.
const settleMs = 1_000;
// The notices are spread over time, because all clients of a gateway reload from the same backend. They take 2 ms per
// connection (500 per second), but at least 3 s and at most 30 s. More than 15,000 connections are therefore notified faster.
const msPerConnection = 2;
const [minSpreadMs, maxSpreadMs] = [3_000, 30_000];
const checkIntervalMs = 50;

/**
 * The states of a connection:
 *
 * ```
 * notified ── a stream of its rooms loses entries ──▶ pending ── its moment comes, it joins a room, or it lags ──▶ notified
 * ```
 * A connection with a pending notice still receives events at once. They carry the stream's position from before the loss. If
 * the client reconnects in this state, the answer to its join reports the loss, or another gateway without the loss sends the
 * missed events. The new connection then needs no notice. Therefore no loss is hidden, and no loss is reported twice.
 */
export class LossNotices {
  readonly #dependencies: LossNoticesDependencies;
  /** The listeners by connection ID, one per open connection. */
  readonly #listeners = new Map<string, LossListener>();
  /** Connection ID → time at which the pending notice of the connection is sent. */
  readonly #dueMs = new Map<string, number>();
  /** Positions of the streams before their losses, kept until every connection is notified. */
  readonly #before = new Map<string, StreamPosition>();
  #cancelTimer: CancelTimer = () => {};
  #isStopped = false;

  constructor(dependencies: LossNoticesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Adds a new connection. */
  add(connectionId: string, listener: LossListener): void {
    this.#listeners.set(connectionId, listener);
  }

  /** Removes a closed connection. */
  remove(connectionId: string): void {
    this.#listeners.delete(connectionId);
    this.#settle(connectionId);
  }

  /** True if no notice is pending. Every connection is then sent current positions. */
  get isEmpty(): boolean {
    return this.#dueMs.size === 0;
  }

  isPending(connectionId: string): boolean {
    return this.#dueMs.has(connectionId);
  }

  /**
   * Returns the position of a stream before its loss, for connections with a pending notice. Returns `undefined` if no notice of a
   * loss in this stream is pending.
   */
  positionBefore(stream: string): StreamPosition | undefined {
    return this.#before.get(stream);
  }

  /**
   * Records that a stream has lost entries, before the first event after the loss is sent. Only a gap that is found by
   * counting entries is recorded later.
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
    // A connection with a pending notice keeps the position before its first loss.
    if (affected.length > 0 && !this.#before.has(stream)) this.#before.set(stream, before);
    if (this.isEmpty && added.length > 0 && !this.#isStopped)
      this.#cancelTimer = startRepeatingTimer(this.#dependencies.clock, checkIntervalMs, () =>
        this.#notifyDue(),
      );
    const spreadMs = Math.min(maxSpreadMs, Math.max(minSpreadMs, added.length * msPerConnection));
    const fromMs = this.#dependencies.clock.monotonicMs() + settleMs;
    for (const connectionId of added)
      this.#dueMs.set(connectionId, fromMs + this.#dependencies.random() * spreadMs);
  }

  /** Tells every client with a pending notice a position, which must not hide the loss. */
  tellPosition(position: string): void {
    for (const connectionId of this.#dueMs.keys()) this.#listeners.get(connectionId)?.tellPosition(position);
  }

  /** Notifies a connection at once, without waiting for its random moment. Does nothing if no notice is pending. */
  notifyNow(connectionId: string): void {
    if (!this.#dueMs.has(connectionId)) return;
    this.#listeners.get(connectionId)?.notify();
    this.#settle(connectionId);
  }

  /** Stops sending notices, because the gateway stops. A client learns of the loss when it reconnects. */
  stop(): void {
    this.#isStopped = true;
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

/**
 * Returns the name of the group for a room's connections with a pending notice. It contains a control character, so it cannot
 * be a room ID.
 */
export function pendingNoticeGroup(roomId: string): string {
  return `\u0000${roomId}`;
}

/** True for a name that {@link pendingNoticeGroup} returned. */
export function isPendingNoticeGroup(group: string): boolean {
  return group.startsWith('\u0000');
}
