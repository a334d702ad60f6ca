/*
 * Which other instances there are, whether anything is heard at all, and what was missed. Pure: no timers, no backplane.
 */

/** Heartbeats without a word of oneself after which nothing can be said about others. */
const DEAF_AFTER_BEATS = 3;
/** Heartbeats without a word after which a peer is gone. */
const GONE_AFTER_BEATS = 5;
/** Heartbeats during which everybody has said hello at least once. */
const COMPLETE_AFTER_BEATS = 2;
/** Heartbeats after which the numbers of a peer that is gone are forgotten. */
const FORGOTTEN_AFTER_BEATS = 600;
/** Instances, those included whose numbers are kept. Beyond it further ones are not listened to. */
const MAXIMUM_PEERS = 1_000;

/** What is known of another instance. */
interface Peer {
  /** The number of its last broadcast. */
  lastSequence: number;
  /** Heartbeats of ours since it was heard. */
  silentBeats: number;
  /** It has said hello, and is not gone. */
  isPresent: boolean;
}

/** Whether this instance hears itself through the backplane. */
export type HearingState = 'starting' | 'up' | 'down';

/** How a broadcast of a peer fits behind those before it. */
export type Order =
  /** Some between were never heard; 0 when it is the next one. */
  | { readonly kind: 'next'; readonly lost: number }
  /** It is one of those before. */
  | { readonly kind: 'repeated' }
  /** There are too many peers already. */
  | { readonly kind: 'refused' };

/**
 * ```
 * starting ── heard itself ─▶ up ── 3 heartbeats without ─▶ down
 *     │                        ◀────── heard itself ─────────┘ ▲
 *     └───────────────── 3 heartbeats without ─────────────────┘
 * ```
 * Silence is counted in heartbeats of this instance, not in time: a process that was held up has not listened either. While it
 * does not hear itself, the silence of others says nothing about them.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  #state: HearingState = 'starting';
  #hasBeenUp = false;
  /** Since this instance was heard by itself. */
  #deafBeats = 0;
  /** Since it is up. */
  #upBeats = 0;

  get state(): HearingState {
    return this.#state;
  }

  /** Whether this instance has never heard anything, so that others do not need to wait for its answers. */
  get isNew(): boolean {
    return !this.#hasBeenUp;
  }

  /** Whether everybody who is there has been heard: the silence of the rest means that there is no rest. */
  get isComplete(): boolean {
    return this.#state === 'up' && this.#upBeats > COMPLETE_AFTER_BEATS;
  }

  /** Ids of those who can be asked. */
  present(): readonly string[] {
    return [...this.#peers].filter(([, { isPresent }]) => isPresent).map(([id]) => id);
  }

  isPresent(id: string): boolean {
    return this.#peers.get(id)?.isPresent === true;
  }

  /** This instance has heard itself. True when it is up because of that, and was not before. */
  heardSelf(): boolean {
    this.#deafBeats = 0;
    if (this.#state === 'up') return false;
    this.#state = 'up';
    this.#hasBeenUp = true;
    this.#upBeats = 0;
    for (const peer of this.#peers.values()) peer.silentBeats = 0;
    return true;
  }

  /**
   * A broadcast of a peer was heard. The first one is where its numbers begin.
   * @param sequence its own number, or that of the last numbered one
   * @param isNumbered undefined of what a later version says: then the number tells
   */
  heard(id: string, sequence: number, isNumbered: boolean | undefined): Order {
    const peer = this.#peers.get(id);
    if (peer === undefined) {
      if (!this.#hasRoom()) return { kind: 'refused' };
      this.#peers.set(id, { lastSequence: sequence, silentBeats: 0, isPresent: false });
      return { kind: 'next', lost: 0 };
    }
    peer.silentBeats = 0;
    const expected = peer.lastSequence + ((isNumbered ?? sequence > peer.lastSequence) ? 1 : 0);
    if (sequence < expected) return { kind: 'repeated' };
    peer.lastSequence = sequence;
    return { kind: 'next', lost: sequence - expected };
  }

  /** A peer that was heard has said hello. True when it was not there before. */
  greeted(id: string): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.isPresent) return false;
    peer.isPresent = true;
    return true;
  }

  /** A peer has said that it leaves. */
  left(id: string): void {
    this.#peers.delete(id);
  }

  /** One heartbeat of this instance. */
  beat(): { readonly isDownNow: boolean; readonly gone: readonly string[] } {
    if (this.#state !== 'down') this.#deafBeats += 1;
    const isDownNow = this.#state !== 'down' && this.#deafBeats > DEAF_AFTER_BEATS;
    if (isDownNow) this.#state = 'down';
    if (this.#state !== 'up') return { isDownNow, gone: [] };
    this.#upBeats += 1;
    return { isDownNow, gone: this.#findGone() };
  }

  #findGone(): readonly string[] {
    const gone: string[] = [];
    for (const [id, peer] of this.#peers) {
      peer.silentBeats += 1;
      if (peer.silentBeats > FORGOTTEN_AFTER_BEATS) this.#peers.delete(id);
      if (!peer.isPresent || peer.silentBeats <= GONE_AFTER_BEATS) continue;
      // Its numbers are kept: should it come back, it tells what was missed.
      peer.isPresent = false;
      gone.push(id);
    }
    return gone;
  }

  /** Makes room, where that is needed, by forgetting somebody who is not there. */
  #hasRoom(): boolean {
    if (this.#peers.size < MAXIMUM_PEERS) return true;
    for (const [id, { isPresent }] of this.#peers) {
      if (!isPresent) return this.#peers.delete(id);
    }
    return false;
  }
}
