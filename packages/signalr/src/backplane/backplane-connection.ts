/*
 * One hub's line to the backplane: its two subscriptions, kept trying for, and what it publishes, bounded.
 */
import { toError } from '../connection/error-text.js';
import type { BackplaneSubscription, HubBackplane } from './hub-backplane.js';
import { unavailable } from './pending-queries.js';

/** A longer pause between two attempts to subscribe helps nobody. */
const MAXIMUM_RETRY_MS = 30_000;

/** What a line is made of. */
export interface LineParts {
  readonly backplane: HubBackplane;
  /** What is listened to, and who gets it. */
  readonly channels: ReadonlyMap<string, (message: Uint8Array) => void>;
  /** Bytes that were published and not taken yet. One message alone may exceed it, or it could never be sent. */
  readonly maximumBytes: number;
  /** The first pause between two attempts to subscribe; doubled with each, up to half a minute. */
  readonly retryMs: number;
  /** All subscriptions are there. */
  readonly onOpen: () => void;
}

/** `closed` → `opening` ⇄ `waiting` → `open`; `ended` from each of them. */
type LineState = 'closed' | 'opening' | 'waiting' | 'open' | 'ended';

/** See the file's comment. Beyond the bound a message is not published. */
export class BackplaneLine {
  readonly #parts: LineParts;
  #state: LineState = 'closed';
  #subscriptions: readonly BackplaneSubscription[] = [];
  #attempt: Promise<void> = Promise.resolve();
  #attemptCount = 0;
  #retryAtMs = 0;
  #pendingBytes = 0;
  /** Why the last attempt failed. */
  #error: Error | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  /** Begins to subscribe, and goes on until it succeeds: call {@link BackplaneLine.tick} now and then. */
  open(nowMs: number): void {
    if (this.#state === 'closed') this.#attempt = this.#subscribe(nowMs);
  }

  tick(nowMs: number): void {
    if (this.#state === 'waiting' && nowMs >= this.#retryAtMs) this.#attempt = this.#subscribe(nowMs);
  }

  /** Resolves when the backplane has taken the message. Rejects otherwise; never throws. */
  async publish(channel: string, message: Uint8Array): Promise<void> {
    const { backplane, maximumBytes } = this.#parts;
    if (this.#pendingBytes > 0 && this.#pendingBytes + message.length > maximumBytes)
      throw unavailable(`More than ${maximumBytes} bytes wait to be published.`);
    this.#pendingBytes += message.length;
    try {
      await backplane.publish(channel, message);
    } finally {
      this.#pendingBytes -= message.length;
    }
  }

  /** Ends the subscriptions. Never rejects. */
  async close(): Promise<void> {
    this.#state = 'ended';
    await this.#attempt;
    await this.#unsubscribe();
  }

  /** Never rejects. */
  async #subscribe(nowMs: number): Promise<void> {
    const { backplane, channels, onOpen } = this.#parts;
    this.#state = 'opening';
    const attempts = Array.from(channels, async ([channel, onMessage]) =>
      backplane.subscribe(channel, onMessage),
    );
    const results = await Promise.allSettled(attempts);
    this.#subscriptions = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    const failure = results.find((result) => result.status === 'rejected');
    // Closed meanwhile: whoever closed it ends what there is.
    if (this.#isEnded) return;
    if (failure === undefined) {
      this.#state = 'open';
      onOpen();
      return;
    }
    this.#error = toError(failure.reason);
    await this.#unsubscribe();
    this.#retryAtMs = nowMs + this.#pauseMs();
    if (!this.#isEnded) this.#state = 'waiting';
  }

  get #isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Between half of it and all of it, so that instances that lost the backplane together come back one by one. */
  #pauseMs(): number {
    const pauseMs = Math.min(MAXIMUM_RETRY_MS, this.#parts.retryMs * 2 ** this.#attemptCount);
    this.#attemptCount += 1;
    return pauseMs * (0.5 + Math.random() / 2);
  }

  async #unsubscribe(): Promise<void> {
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    await Promise.allSettled(subscriptions.map((subscription) => subscription.unsubscribe()));
  }
}
