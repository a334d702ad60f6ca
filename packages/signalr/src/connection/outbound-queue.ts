/*
 * The messages that wait for one client. This file alone decides what happens when a client reads too slowly.
 */
import type { EncodedMessage } from '../protocol/encoded-message.js';
import type { Transport } from '../transports/transport.js';

/** Bounds of one connection's outbound data. */
export interface OutboundLimits {
  /**
   * Maximum number of bytes that wait in the queue and in the transport together. An idle transport accepts even a message
   * above this limit. Otherwise that message could never be sent.
   */
  readonly maximumOutboundBytes: number;
  /** Maximum number of messages in the queue. */
  readonly maximumOutboundMessages: number;
}

/**
 * The result of `offer`. `taken`: the message was written or queued. `replaced`: the message was queued, and an older message with
 * the same key was discarded. `overflow`: the message was refused, because the client is too slow.
 */
export type Offered = 'taken' | 'replaced' | 'overflow';

/** The connection that owns a queue. */
export interface OutboundQueueOwner {
  /** Called when more than half of a limit is used. Called again only after the queue has been empty. */
  onCrowded(): void;
}

/**
 * The messages to one client, in the order of {@link OutboundQueue.offer}. While the transport has room, messages go directly
 * to it. Otherwise they wait in this queue.
 *
 * A new message discards a waiting message with the same key. The new message takes the last place, so that no older message
 * is sent after a newer one. A message that would exceed a limit is refused, and the connection is closed.
 */
export class OutboundQueue {
  readonly #limits: OutboundLimits;
  readonly #transport: Transport;
  /**
   * The waiting messages in the order of sending. Keys of the map are the keys of the messages, or running numbers for messages
   * without a key. Created on first use, because most clients are never slow.
   */
  #messages: Map<string | number, EncodedMessage> | undefined;
  #lastNumber = 0;
  #queuedBytes = 0;
  #isBlocked = false;
  /**
   * Counts how often the transport had room again. The timers use this count to distinguish a stalled client from a slow one.
   */
  #progress = 0;
  /** True when more than half of a limit has been used since the queue was last empty. */
  #isCrowded = false;
  readonly #owner: OutboundQueueOwner;
  /** Callbacks that wait for an empty queue. Each is called once. Absent while nobody waits. */
  #onEmpty: (() => void)[] | undefined;
  /** Callbacks that wait for room in the transport. Each is called once. */
  #onRoom: (() => void)[] | undefined;
  /**
   * Callbacks that resolve the promises of `flushed` and `writable`. Each belongs to a stream, a running hub method, or a
   * message that waits here. They are not listeners of the abort signal, because Node warns about more than ten listeners.
   */
  #waiting: Set<() => void> | undefined;
  #isReleased = false;

  constructor(transport: Transport, limits: OutboundLimits, owner: OutboundQueueOwner) {
    this.#transport = transport;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** True while the transport accepts no more messages. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Number of bytes that wait for the client, in this queue and in the transport. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#transport.bufferedBytes;
  }

  /** The number of times that the transport had room again. */
  get progress(): number {
    return this.#progress;
  }

  /**
   * Writes the message to the transport, or queues it. Synchronous. Never throws because of the client.
   * @param key set if only the newest message with this key counts
   */
  offer(message: EncodedMessage, key?: string): Offered {
    if (!this.#isBlocked) {
      this.#isBlocked = !this.#transport.write(message);
      return 'taken';
    }
    const older = key === undefined ? undefined : this.#messages?.get(key);
    const bytes = this.waitingBytes + message.payload.length - (older?.payload.length ?? 0);
    const count = this.#size + (older === undefined ? 1 : 0);
    if (bytes > this.#limits.maximumOutboundBytes || count > this.#limits.maximumOutboundMessages) {
      return 'overflow';
    }
    if (key !== undefined && older !== undefined) {
      this.#messages?.delete(key);
      this.#queuedBytes -= older.payload.length;
    }
    this.#push(message, key);
    if (
      !this.#isCrowded &&
      (bytes * 2 > this.#limits.maximumOutboundBytes || count * 2 > this.#limits.maximumOutboundMessages)
    ) {
      this.#isCrowded = true;
      this.#owner.onCrowded();
    }
    return older === undefined ? 'taken' : 'replaced';
  }

  /** Sends the waiting messages in order, until the transport is full. Called when the transport has room again. */
  onWritable(): void {
    this.#progress += 1;
    this.#isBlocked = false;
    for (const [key, message] of this.#messages ?? []) {
      this.#messages?.delete(key);
      this.#queuedBytes -= message.payload.length;
      this.#isBlocked = !this.#transport.write(message);
      if (this.#isBlocked) break;
    }
    if (this.#size === 0) this.#notifyEmpty();
    if (!this.#isBlocked) this.#notifyRoom();
  }

  /** Drops all queued messages. Messages in the transport stay. */
  discard(): void {
    this.#messages?.clear();
    this.#queuedBytes = 0;
  }

  /** Appends the Close message. The limits are not checked, because the message is small and is the last one. */
  offerLast(message: EncodedMessage): void {
    if (this.#isBlocked) this.#push(message);
    else this.#transport.write(message);
  }

  /** Calls the callback once, when the queue is empty. An empty queue calls it at once. */
  whenEmpty(callback: () => void): void {
    this.#onEmpty ??= [];
    this.#onEmpty.push(callback);
    if (this.#size === 0) this.#notifyEmpty();
  }

  /** Resolves when the queue is empty, or when it is released. */
  flushed(): Promise<void> {
    return this.#wait((callback) => this.whenEmpty(callback));
  }

  /** Resolves when no message waits and the transport has room for another one, or when the queue is released. */
  writable(): Promise<void> {
    return this.#wait((callback) => {
      this.#onRoom ??= [];
      this.#onRoom.push(callback);
      if (!this.#isBlocked) this.#notifyRoom();
    });
  }

  /**
   * Resolves the promises of `flushed` and `writable` at once, because the connection is ending. Later promises resolve at
   * once, too.
   */
  release(): void {
    this.#isReleased = true;
    for (const finish of this.#waiting ?? []) finish();
  }

  #wait(subscribe: (callback: () => void) => void): Promise<void> {
    if (this.#isReleased) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#waiting?.delete(finish);
        resolve();
      };
      this.#waiting ??= new Set();
      this.#waiting.add(finish);
      subscribe(finish);
    });
  }

  get #size(): number {
    return this.#messages?.size ?? 0;
  }

  #push(message: EncodedMessage, key?: string): void {
    this.#lastNumber += 1;
    this.#messages ??= new Map();
    this.#messages.set(key ?? this.#lastNumber, message);
    this.#queuedBytes += message.payload.length;
  }

  #notifyRoom(): void {
    const callbacks = this.#onRoom ?? [];
    this.#onRoom = undefined;
    for (const callback of callbacks) callback();
  }

  #notifyEmpty(): void {
    this.#isCrowded = false;
    const callbacks = this.#onEmpty ?? [];
    this.#onEmpty = undefined;
    for (const callback of callbacks) callback();
  }
}
