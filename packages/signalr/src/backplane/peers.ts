/*
 * The other instances that are present, whether this one receives anything at all, and the messages it missed. Pure: no timers, no
 * backplane.
 */

/** Heartbeats after which an instance that has not received its own messages is down. */
const DOWN_AFTER_BEATS = 3;
/** Heartbeats without a message after which a peer is gone. */
const GONE_AFTER_BEATS = 5;
/** Heartbeats in which every instance has announced itself at least once. */
const COMPLETE_AFTER_BEATS = 2;
/** Heartbeats after which the sequence number of a peer that is gone is forgotten. */
const FORGOTTEN_AFTER_BEATS = 600;
/** Peers, including those that are gone and still remembered. Messages of further ones are refused. */
const MAXIMUM_PEERS = 1_000;

/** The state of another instance. */
interface Peer {
  /** The number of its last broadcast. */
  lastSequence: number;
  /** Heartbeats of this instance since a message of the peer arrived. */
  silentBeats: number;
  /** It has announced itself, and is not gone. */
  isPresent: boolean;
}

/** `up` while this instance receives its own messages through the backplane. */
export type PeersState = 'starting' | 'up' | 'down';

/** The position of a peer's broadcast after its earlier ones. */
export type Order =
  /** The message is new. `lost` is the number of messages missing just before it; 0 if none are missing. */
  | { readonly kind: 'next'; readonly lost: number }
  /** It arrived before, or is older than the last one. */
  | { readonly kind: 'repeated' }
  /** There are too many peers already. */
  | { readonly kind: 'refused' };

/**
 * ```
 * starting ── own message ─▶ up ── 3 heartbeats without ─▶ down
 *     │                       ◀────── own message ──────────┘ ▲
 *     └──────────────── 3 heartbeats without ─────────────────┘
 * ```
 * Silence is counted in heartbeats of this instance, not in time: a process that was held up received nothing either. While it does
 * not receive its own messages, the silence of others means nothing.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  #state: PeersState = 'starting';
  #hasBeenUp = false;
  /** Heartbeats since this instance received one of its own messages. */
  #beatsWithoutOwnMessage = 0;
  /** Heartbeats since it is up. */
  #upBeats = 0;

  get state(): PeersState {
    return this.#state;
  }

  /** True until this instance has been up once. Until then the others need not wait for its answers. */
  get isNew(): boolean {
    return !this.#hasBeenUp;
  }

  /** True once every present instance must have announced itself, so that the known peers are all there are. */
  get isComplete(): boolean {
    return this.#state === 'up' && this.#upBeats > COMPLETE_AFTER_BEATS;
  }

  /** Ids of the peers that can be asked. */
  present(): readonly string[] {
    return [...this.#peers].filter(([, { isPresent }]) => isPresent).map(([id]) => id);
  }

  isPresent(id: string): boolean {
    return this.#peers.get(id)?.isPresent === true;
  }

  /** This instance has received one of its own messages. True when that makes it up, and it was not before. */
  receivedOwnMessage(): boolean {
    this.#beatsWithoutOwnMessage = 0;
    if (this.#state === 'up') return false;
    this.#state = 'up';
    this.#hasBeenUp = true;
    this.#upBeats = 0;
    for (const peer of this.#peers.values()) peer.silentBeats = 0;
    return true;
  }

  /**
   * A broadcast of a peer has arrived. Its numbers begin with the first one.
   * @param sequence its own number, or that of the last numbered one
   * @param isNumbered undefined for a kind of a later version: then the number itself shows it
   */
  received(id: string, sequence: number, isNumbered: boolean | undefined): Order {
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

  /** A known peer has announced itself. True when it was not present before. */
  announced(id: string): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.isPresent) return false;
    peer.isPresent = true;
    return true;
  }

  /** A peer has announced that it leaves. */
  left(id: string): void {
    this.#peers.delete(id);
  }

  /** One heartbeat of this instance. */
  beat(): { readonly isDownNow: boolean; readonly gone: readonly string[] } {
    if (this.#state !== 'down') this.#beatsWithoutOwnMessage += 1;
    const isDownNow = this.#state !== 'down' && this.#beatsWithoutOwnMessage > DOWN_AFTER_BEATS;
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
      // Its number is kept: if the peer returns, it shows the messages that were missed.
      peer.isPresent = false;
      gone.push(id);
    }
    return gone;
  }

  /** Makes room, where needed, by forgetting a peer that is gone. */
  #hasRoom(): boolean {
    if (this.#peers.size < MAXIMUM_PEERS) return true;
    for (const [id, { isPresent }] of this.#peers) {
      if (!isPresent) return this.#peers.delete(id);
    }
    return false;
  }
}
