/*
 * The messages that wait for one client. This file alone decides what happens when a client reads too slowly.
 */
import type { EncodedMessage } from '../protocol/encoded-message.js';
import type { Transport } from '../transports/transport.js';

/** Bounds of one connection's outbound data. */
export interface OutboundLimits {
  /** Bytes in the queue and in the transport together. One message alone may exceed it, or it could never be sent. */
  readonly maximumOutboundBytes: number;
  /** Messages in the queue. */
  readonly maximumOutboundMessages: number;
}

/**
 * `replaced`: it replaced an older message of its key, which will not be sent. `overflow`: it was not accepted, and the client is too
 * slow to be served.
 */
export type Offered = 'taken' | 'replaced' | 'overflow';

/**
 * Messages in the order of {@link OutboundQueue.offer}. While the transport has room they go straight to it;
 * when it has none they wait here, where they can still be given up, rather than in the transport. Of those with one key only
 * the newest waits, in its own place: nothing that is older than another message is sent after it.
 * At the bound a message is refused; the connection answers that by closing.
 */
export class OutboundQueue {
  readonly #limits: OutboundLimits;
  readonly #transport: Transport;
  /** In the order of sending; by the message's key, or by a running number. */
  readonly #messages = new Map<string | number, EncodedMessage>();
  #lastNumber = 0;
  #queuedBytes = 0;
  #isBlocked = false;
  /** Changes whenever the transport made room, so that a stall can be told from slow progress. */
  #progress = 0;
  /** Half of a bound was reached since the queue was last empty. */
  #isCrowded = false;
  readonly #onCrowded: () => void;
  /** Called once each, when nothing waits any more. As many as there are callers that wait for it. */
  #onEmpty: (() => void)[] = [];

  /** @param onCrowded called when half of a bound is reached; again only after the queue has been empty */
  constructor(transport: Transport, limits: OutboundLimits, onCrowded: () => void) {
    this.#transport = transport;
    this.#limits = limits;
    this.#onCrowded = onCrowded;
  }

  /** True while the transport accepts no more messages. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Bytes that wait for the client, here and in the transport. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#transport.bufferedBytes;
  }

  /** Counts how often the transport made room. */
  get progress(): number {
    return this.#progress;
  }

  /**
   * Sends the message or queues it. Synchronous, never throws because of the client.
   * @param key set where only the newest message matters
   */
  offer(message: EncodedMessage, key?: string): Offered {
    if (!this.#isBlocked) {
      this.#isBlocked = !this.#transport.write(message);
      return 'taken';
    }
    const older = key === undefined ? undefined : this.#messages.get(key);
    const bytes = this.waitingBytes + message.payload.length - (older?.payload.length ?? 0);
    const count = this.#messages.size + (older === undefined ? 1 : 0);
    if (bytes > this.#limits.maximumOutboundBytes || count > this.#limits.maximumOutboundMessages) {
      return 'overflow';
    }
    if (key !== undefined && older !== undefined) {
      this.#messages.delete(key);
      this.#queuedBytes -= older.payload.length;
    }
    this.#push(message, key);
    if (
      !this.#isCrowded &&
      (bytes * 2 > this.#limits.maximumOutboundBytes || count * 2 > this.#limits.maximumOutboundMessages)
    ) {
      this.#isCrowded = true;
      this.#onCrowded();
    }
    return older === undefined ? 'taken' : 'replaced';
  }

  /** The transport has room again: sends what waits, in order, until it has none. */
  onWritable(): void {
    this.#progress += 1;
    this.#isBlocked = false;
    for (const [key, message] of this.#messages) {
      this.#messages.delete(key);
      this.#queuedBytes -= message.payload.length;
      this.#isBlocked = !this.#transport.write(message);
      if (this.#isBlocked) break;
    }
    if (this.#messages.size === 0) this.#notifyEmpty();
  }

  /** Drops all queued messages; those that the transport has accepted are on their way. */
  discard(): void {
    this.#messages.clear();
    this.#queuedBytes = 0;
  }

  /** Appends one last message past the bound: a Close message is small and nothing follows it. */
  offerLast(message: EncodedMessage): void {
    if (this.#isBlocked) this.#push(message);
    else this.#transport.write(message);
  }

  /** Calls back once, as soon as the queue is empty; at once when it is empty already. */
  whenEmpty(callback: () => void): void {
    this.#onEmpty.push(callback);
    if (this.#messages.size === 0) this.#notifyEmpty();
  }

  #push(message: EncodedMessage, key?: string): void {
    this.#lastNumber += 1;
    this.#messages.set(key ?? this.#lastNumber, message);
    this.#queuedBytes += message.payload.length;
  }

  #notifyEmpty(): void {
    this.#isCrowded = false;
    const callbacks = this.#onEmpty;
    this.#onEmpty = [];
    for (const callback of callbacks) callback();
  }
}
