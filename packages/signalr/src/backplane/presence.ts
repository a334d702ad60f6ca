/*
 * The presence of instances: sends and receives heartbeats, and detects lost messages by their sequence numbers.
 */
import type { BackplaneIgnoreReason, SignalREventListener } from '../events.js';
import type { BackplaneMessage, Head, MessageOf } from './backplane-message.js';
import type { BackplaneSender } from './backplane-sender.js';
import { Peers } from './peers.js';

/** Constructor dependencies of {@link Presence}. */
export interface PresenceDependencies {
  readonly hub: string;
  readonly heartbeatIntervalMs: number;
  readonly sender: BackplaneSender;
  readonly onEvent: SignalREventListener;
  /**
   * Called when a running peer announces itself for the first time here, or again after it was gone. Not called for a peer
   * that has just started.
   */
  onAppeared(peer: string): void;
  /** Called when a peer is gone. The connections of this peer are also gone. */
  onGone(peer: string): void;
  /** Called when this instance no longer receives any messages. */
  onDown(): void;
  /** Returns the error of the last completed attempt to subscribe, or `undefined` if that attempt succeeded. */
  lastError(): Error | undefined;
}

/**
 * A heartbeat is due after this fraction of the interval. The fraction is below 1, because a tick may come a little early,
 * and the heartbeat would then wait for the next tick.
 */
const BEAT_TOLERANCE = 0.9;

/** Announces this instance once per heartbeat interval, from `open` to `close`. Accepts messages of peers even before `open`. */
export class Presence {
  readonly #dependencies: PresenceDependencies;
  readonly #peers = new Peers();
  #lastBeatMs: number;
  /**
   * True from `open` to `close`. This instance announces itself only during this time, because outside of it no query can
   * reach it.
   */
  #isOpen = false;
  /** True while a heartbeat waits for the backplane. At most one heartbeat waits at a time. */
  #isAnnouncing = false;

  constructor(dependencies: PresenceDependencies, nowMs: number) {
    this.#dependencies = dependencies;
    this.#lastBeatMs = nowMs;
  }

  get isUp(): boolean {
    return this.#peers.state === 'up';
  }

  /** True when all present peers are known. */
  get isComplete(): boolean {
    return this.#peers.isComplete;
  }

  /** Ids of the present peers. */
  peers(): readonly string[] {
    return this.#peers.present();
  }

  /** Begins to announce this instance, which receives messages from now on. */
  open(): void {
    this.#isOpen = true;
    this.#announce();
  }

  /** Announces that this instance leaves. Never rejects. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // The peers notice the missing heartbeats if they miss this message.
    await this.#dependencies.sender.announce({ kind: 'leave' }).catch(() => {});
  }

  tick(nowMs: number): void {
    if (nowMs - this.#lastBeatMs < this.#dependencies.heartbeatIntervalMs * BEAT_TOLERANCE) return;
    this.#lastBeatMs = nowMs;
    const { isDownNow, gone } = this.#peers.beat();
    for (const peer of gone) this.#dependencies.onGone(peer);
    if (isDownNow) {
      this.#dependencies.onEvent({
        type: 'backplane_down',
        hub: this.#dependencies.hub,
        error: this.#dependencies.lastError(),
      });
      this.#dependencies.onDown();
    }
    this.#announce();
  }

  /**
   * Records that this instance has received one of its own messages. It proves that messages of other instances arrive, too.
   */
  receivedOwnMessage(): void {
    if (this.#peers.receivedOwnMessage())
      this.#dependencies.onEvent({ type: 'backplane_up', hub: this.#dependencies.hub });
  }

  /**
   * Checks the sequence number of a peer's broadcast, and reports lost messages.
   * @param kind undefined if this version does not know the kind of the broadcast
   * @returns the reason to ignore the broadcast, or undefined if it must be handled
   */
  received(
    { sender, sequence }: Head,
    kind: BackplaneMessage['kind'] | undefined,
  ): BackplaneIgnoreReason | undefined {
    const isNumbered = kind === undefined ? undefined : kind === 'send' || kind === 'query';
    const order = this.#peers.received(sender, sequence, isNumbered);
    if (order.kind !== 'next') return order.kind;
    const { hub, onEvent } = this.#dependencies;
    if (order.lost > 0) onEvent({ type: 'backplane_gap', hub, from: sender, lost: order.lost });
    return undefined;
  }

  onAnnounce({ sender, isNew }: MessageOf<'announce'>): void {
    if (!this.#peers.announced(sender)) return;
    // Pending queries do not wait for the answer of a new instance, because they were not sent to it.
    if (isNew) this.#announce();
    else this.#dependencies.onAppeared(sender);
  }

  onLeave({ sender }: MessageOf<'leave'>): void {
    this.#peers.left(sender);
    this.#dependencies.onGone(sender);
  }

  #announce(): void {
    if (!this.#isAnnouncing && this.#isOpen) void this.#sendAnnouncement();
  }

  /** Sends a heartbeat. Never rejects. This instance notices a failure when its own message does not arrive. */
  async #sendAnnouncement(): Promise<void> {
    this.#isAnnouncing = true;
    await this.#dependencies.sender.announce({ kind: 'announce', isNew: this.#peers.isNew }).catch(() => {});
    this.#isAnnouncing = false;
  }
}
