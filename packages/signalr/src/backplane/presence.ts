/*
 * Being there and knowing who else is: signs of life in both directions, and what they say about lost messages.
 */
import type { BackplaneIgnoreReason, SignalREventListener } from '../events.js';
import type { BackplaneMessage, Head, MessageOf } from './backplane-message.js';
import { Peers } from './peers.js';
import type { Speaker } from './backplane-sender.js';

/** What presence is made of. */
export interface PresenceParts {
  readonly hub: string;
  readonly heartbeatIntervalMs: number;
  readonly speaker: Speaker;
  readonly onEvent: SignalREventListener;
  /** A peer that was there before has been heard for the first time, or again. */
  onAppeared(peer: string): void;
  /** A peer is gone, and its connections with it. */
  onGone(peer: string): void;
  /** Nothing is heard any more. */
  onDown(): void;
  /** Why the last attempt to subscribe failed, where it did. */
  lastError(): Error | undefined;
}

/** Ticks come a little early at times, and a heartbeat must not wait for the next one then. */
const BEAT_TOLERANCE = 0.9;

/** Says hello from `open` to `close`, once per heartbeat; listens before, too. */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #peers = new Peers();
  #lastBeatMs: number;
  /** Who does not hear yet must not be asked, and says nothing. */
  #isOpen = false;
  /** One sign of life at a time waits for the backplane. */
  #isGreeting = false;

  constructor(parts: PresenceParts, nowMs: number) {
    this.#parts = parts;
    this.#lastBeatMs = nowMs;
  }

  get isUp(): boolean {
    return this.#peers.state === 'up';
  }

  /** Whether everybody who is there is known. */
  get isComplete(): boolean {
    return this.#peers.isComplete;
  }

  /** Ids of the peers that are there. */
  peers(): readonly string[] {
    return this.#peers.present();
  }

  /** This instance hears from now on. */
  open(): void {
    this.#isOpen = true;
    this.#greet();
  }

  /** Says goodbye. Never rejects. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // Who does not hear it notices the silence.
    await this.#parts.speaker.greet({ kind: 'bye' }).catch(() => {});
  }

  tick(nowMs: number): void {
    if (nowMs - this.#lastBeatMs < this.#parts.heartbeatIntervalMs * BEAT_TOLERANCE) return;
    this.#lastBeatMs = nowMs;
    const { isDownNow, gone } = this.#peers.beat();
    for (const peer of gone) this.#parts.onGone(peer);
    if (isDownNow) {
      this.#parts.onEvent({ type: 'backplane_down', hub: this.#parts.hub, error: this.#parts.lastError() });
      this.#parts.onDown();
    }
    this.#greet();
  }

  /** What this instance said has come back: so others are heard, too. */
  heardSelf(): void {
    if (this.#peers.heardSelf()) this.#parts.onEvent({ type: 'backplane_up', hub: this.#parts.hub });
  }

  /**
   * Looks at the number of a peer's broadcast.
   * @param kind undefined of what a later version says
   * @returns why it is not to be acted on
   */
  heard(
    { sender, sequence }: Head,
    kind: BackplaneMessage['kind'] | undefined,
  ): BackplaneIgnoreReason | undefined {
    const isNumbered = kind === undefined ? undefined : kind === 'send' || kind === 'question';
    const order = this.#peers.heard(sender, sequence, isNumbered);
    if (order.kind !== 'next') return order.kind;
    const { hub, onEvent } = this.#parts;
    if (order.lost > 0) onEvent({ type: 'backplane_gap', hub, from: sender, lost: order.lost });
    return undefined;
  }

  onHello({ sender, isNew }: MessageOf<'hello'>): void {
    if (!this.#peers.greeted(sender)) return;
    // Who is new was not there when the questions were asked that are open now.
    if (isNew) this.#greet();
    else this.#parts.onAppeared(sender);
  }

  onBye({ sender }: MessageOf<'bye'>): void {
    this.#peers.left(sender);
    this.#parts.onGone(sender);
  }

  #greet(): void {
    if (!this.#isGreeting && this.#isOpen) void this.#sayHello();
  }

  /** Never rejects: that it failed shows, as this instance does not hear itself. */
  async #sayHello(): Promise<void> {
    this.#isGreeting = true;
    await this.#parts.speaker.greet({ kind: 'hello', isNew: this.#peers.isNew }).catch(() => {});
    this.#isGreeting = false;
  }
}
