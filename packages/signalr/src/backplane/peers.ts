/*
 * Tracks three things: which other instances are present, whether this instance receives messages, and how many messages it
 * has missed. Pure: uses no timers and no backplane.
 */

/** This instance is down if none of its own messages arrives for this number of heartbeats. */
const DOWN_AFTER_BEATS = 3;
/** A peer is gone if none of its messages arrives for this number of heartbeats. */
const GONE_AFTER_BEATS = 5;
/** Every instance announces itself at least once within this number of heartbeats. */
const COMPLETE_AFTER_BEATS = 2;
/** The sequence number of a silent peer is forgotten after this number of heartbeats. */
const FORGOTTEN_AFTER_BEATS = 600;
/**
 * Maximum number of peers, including peers that are gone but not forgotten. While so many peers are present, messages of
 * further peers are refused.
 */
const MAXIMUM_PEERS = 1_000;

/** The state of another instance. */
interface Peer {
  /** The sequence number of the peer's last numbered message. */
  lastSequence: number;
  /** Number of this instance's heartbeats since the last message of the peer arrived. */
  silentBeats: number;
  /** True if the peer has announced itself and is not gone. */
  isPresent: boolean;
}

/**
 * The state of this instance. `up`: the instance receives its own messages through the backplane. `down`:
 * none of its messages has arrived for three heartbeats. `starting`: none of its messages has ever arrived.
 */
export type PeersState = 'starting' | 'up' | 'down';

/** The result of checking the sequence number of a peer's broadcast. */
export type Order =
  /** The message is new. `lost` is the number of messages that are missing between it and the previous one. */
  | { readonly kind: 'next'; readonly lost: number }
  /** The message has arrived before, or is older than the peer's last message. */
  | { readonly kind: 'repeated' }
  /** The peer is unknown, and there are too many peers already. */
  | { readonly kind: 'refused' };

/**
 * The other instances of a hub, and the state of this instance:
 * ```
 * starting ── own message ─▶ up ── 3 heartbeats without ─▶ down
 *     │                       ◀────── own message ──────────┘ ▲
 *     └──────────────── 3 heartbeats without ─────────────────┘
 * ```
 * Silence is counted in heartbeats of this instance, not in time, because a process receives nothing while it is suspended. While
 * this instance does not receive its own messages, the silence of peers is not counted.
 */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  #state: PeersState = 'starting';
  #hasBeenUp = false;
  /** Number of heartbeats since this instance last received one of its own messages. */
  #beatsWithoutOwnMessage = 0;
  /** Number of heartbeats since the state became `up`. */
  #upBeats = 0;

  get state(): PeersState {
    return this.#state;
  }

  /**
   * True until this instance has been `up` for the first time. Until then, queries of other instances do not wait for its
   * answers.
   */
  get isNew(): boolean {
    return !this.#hasBeenUp;
  }

  /**
   * True if this instance has been `up` long enough for every present instance to announce itself. All present peers are then
   * known.
   */
  get isComplete(): boolean {
    return this.#state === 'up' && this.#upBeats > COMPLETE_AFTER_BEATS;
  }

  /** Returns the ids of the peers that are present and can therefore be queried. */
  present(): readonly string[] {
    return [...this.#peers].filter(([, { isPresent }]) => isPresent).map(([id]) => id);
  }

  isPresent(id: string): boolean {
    return this.#peers.get(id)?.isPresent === true;
  }

  /**
   * Records that this instance has received one of its own messages. Returns true if that changes the state
   * to `up`.
   */
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
   * Checks the sequence number of a peer's broadcast. The first broadcast of a peer sets the starting number for that peer.
   * @param sequence the broadcast's own number, or the number of the peer's last numbered broadcast
   * @param isNumbered true if the broadcast has its own number. Undefined for an unknown kind of message. Such a message
   *   counts as numbered if its number is above the peer's last number
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

  /** Records that a known peer has announced itself. Returns true if the peer was not present before. */
  announced(id: string): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.isPresent) return false;
    peer.isPresent = true;
    return true;
  }

  /** Forgets a peer that has announced that it leaves. */
  left(id: string): void {
    this.#peers.delete(id);
  }

  /**
   * Counts one heartbeat of this instance. Returns whether the state changed to `down` with this heartbeat, and the ids of
   * the peers that now count as gone.
   */
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
      // The peer's sequence number is kept. It shows how many messages were missed if the peer returns.
      peer.isPresent = false;
      gone.push(id);
    }
    return gone;
  }

  /** Returns true if another peer can be added. Forgets a peer that is not present if there are too many. */
  #hasRoom(): boolean {
    if (this.#peers.size < MAXIMUM_PEERS) return true;
    for (const [id, { isPresent }] of this.#peers) {
      if (!isPresent) return this.#peers.delete(id);
    }
    return false;
  }
}
