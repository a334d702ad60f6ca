/*
 * What waits for one client. The one place that decides what happens when a client reads too slowly.
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

/** `overflow`: the message was not taken, and the client is too slow to be served. */
export type Offered = 'taken' | 'overflow';

/**
 * Messages in the order of {@link OutboundQueue.offer}. While the transport has room they go straight to it;
 * when it has none they wait here, where they can still be given up, rather than in the transport.
 * At the bound a message is refused; the connection answers that by closing.
 */
export class OutboundQueue {
  readonly #limits: OutboundLimits;
  readonly #transport: Transport;
  /** Read from `#head` on; the part before it is cut off when it makes up half of the array. */
  #messages: EncodedMessage[] = [];
  #head = 0;
  #queuedBytes = 0;
  #isBlocked = false;
  /** Changes whenever the transport made room, so that a stall can be told from slow progress. */
  #progress = 0;
  /** Called once each, when nothing waits any more. As many as there are callers that wait for it. */
  #onEmpty: (() => void)[] = [];

  constructor(transport: Transport, limits: OutboundLimits) {
    this.#transport = transport;
    this.#limits = limits;
  }

  /** Whether the transport refused to take more and has not asked for more since. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** A counter of the moments at which the transport made room. */
  get progress(): number {
    return this.#progress;
  }

  /** Sends the message or lets it wait. Synchronous, never throws for trouble with the client. */
  offer(message: EncodedMessage): Offered {
    if (!this.#isBlocked) {
      this.#isBlocked = !this.#transport.write(message);
      return 'taken';
    }
    const bytes = this.#queuedBytes + this.#transport.bufferedBytes + message.payload.length;
    const count = this.#messages.length - this.#head + 1;
    if (bytes > this.#limits.maximumOutboundBytes || count > this.#limits.maximumOutboundMessages) {
      return 'overflow';
    }
    this.#messages.push(message);
    this.#queuedBytes += message.payload.length;
    return 'taken';
  }

  /** The transport has room again: sends what waits, in order, until it has none. */
  onWritable(): void {
    this.#progress += 1;
    this.#isBlocked = false;
    while (!this.#isBlocked && this.#head < this.#messages.length) {
      const message = this.#messages[this.#head];
      this.#head += 1;
      if (message === undefined) continue;
      this.#queuedBytes -= message.payload.length;
      this.#isBlocked = !this.#transport.write(message);
    }
    this.#compact();
    if (this.#head === this.#messages.length) this.#notifyEmpty();
  }

  /** Gives up everything that waits; what the transport has taken is on its way. */
  discard(): void {
    this.#messages = [];
    this.#head = 0;
    this.#queuedBytes = 0;
  }

  /** Appends one last message past the bound: a Close message is small and nothing follows it. */
  offerLast(message: EncodedMessage): void {
    if (this.#isBlocked) this.#messages.push(message);
    else this.#transport.write(message);
  }

  /** Calls back once, as soon as nothing waits here any more; at once when nothing does. */
  whenEmpty(callback: () => void): void {
    this.#onEmpty.push(callback);
    if (this.#head === this.#messages.length) this.#notifyEmpty();
  }

  #compact(): void {
    if (this.#head * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#head);
    this.#head = 0;
  }

  #notifyEmpty(): void {
    const callbacks = this.#onEmpty;
    this.#onEmpty = [];
    for (const callback of callbacks) callback();
  }
}
