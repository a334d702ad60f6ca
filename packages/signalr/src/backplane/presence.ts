/*
 * The presence of instances: heartbeats in both directions, and the lost messages that they reveal.
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
  /** A peer that was present before has announced itself for the first time, or again. */
  onAppeared(peer: string): void;
  /** A peer is gone, and its connections with it. */
  onGone(peer: string): void;
  /** This instance receives nothing any more. */
  onDown(): void;
  /** The error of the last attempt to subscribe, if it failed. */
  lastError(): Error | undefined;
}

/** Ticks may come a little early; a heartbeat must not wait for the next one then. */
const BEAT_TOLERANCE = 0.9;

/** Announces this instance from `open` to `close`, once per heartbeat. Receives before that, too. */
export class Presence {
  readonly #dependencies: PresenceDependencies;
  readonly #peers = new Peers();
  #lastBeatMs: number;
  /** An instance that does not receive yet must not be asked, so it does not announce itself. */
  #isOpen = false;
  /** At most one heartbeat at a time waits for the backplane. */
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

  /** This instance receives messages from now on. */
  open(): void {
    this.#isOpen = true;
    this.#announce();
  }

  /** Announces that this instance leaves. Never rejects. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // Peers that miss it notice the missing heartbeats.
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

  /** This instance has received one of its own messages, so messages of others arrive, too. */
  receivedOwnMessage(): void {
    if (this.#peers.receivedOwnMessage())
      this.#dependencies.onEvent({ type: 'backplane_up', hub: this.#dependencies.hub });
  }

  /**
   * Checks the number of a peer's broadcast.
   * @param kind undefined for a kind of a later version
   * @returns the reason to ignore it, or undefined
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
    // A new instance was not asked the queries that are pending now.
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

  /** Never rejects: a failure shows anyway, as this instance then misses its own message. */
  async #sendAnnouncement(): Promise<void> {
    this.#isAnnouncing = true;
    await this.#dependencies.sender.announce({ kind: 'announce', isNew: this.#peers.isNew }).catch(() => {});
    this.#isAnnouncing = false;
  }
}
