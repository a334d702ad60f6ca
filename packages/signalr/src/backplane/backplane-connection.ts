/*
 * One hub's connection to the backplane. It retries its two subscriptions until they succeed, and limits the
 * bytes that wait to be published.
 */
import { backOffDelayMs, toError } from '@millrace/internal';
import type { BackplaneSubscription, HubBackplane } from './hub-backplane.js';
import { unavailable } from './pending-queries.js';

/** Maximum pause between two attempts to subscribe. A longer pause would delay the recovery and save almost nothing. */
const MAXIMUM_RETRY_MS = 30_000;

/** Constructor dependencies of {@link BackplaneConnection}. */
export interface BackplaneConnectionDependencies {
  readonly backplane: HubBackplane;
  /** The channels to subscribe to, each with its listener. */
  readonly channels: ReadonlyMap<string, (message: Uint8Array) => void>;
  /**
   * Maximum number of published bytes that the backplane has not accepted yet. A single message may exceed this limit if no
   * other message waits. Otherwise that message could never be sent.
   */
  readonly maximumBytes: number;
  /** Maximum length of the first pause between two attempts to subscribe. The maximum doubles with each attempt, up to 30 s. */
  readonly retryMs: number;
  /** Called when all subscriptions are active. */
  readonly onOpen: () => void;
}

/**
 * The state of the connection. `closed`: not opened yet. `opening`: an attempt to subscribe is running. `waiting`: the last attempt
 * failed, and the next one begins at `retryAtMs`. `open`: both subscriptions are active. `ended`: closed permanently.
 */
type BackplaneConnectionState =
  | { readonly name: 'closed' | 'opening' | 'open' | 'ended' }
  | { readonly name: 'waiting'; readonly retryAtMs: number };

/**
 * Subscribes to the channels of one hub, and publishes the hub's messages. The states of the connection:
 * ```
 * closed → opening → open ──┐
 *           ⇅               ├─▶ ended   (from every state)
 *          waiting ─────────┘
 * ```
 * Only `#moveTo` changes the state. `ended` is final.
 */
export class BackplaneConnection {
  readonly #dependencies: BackplaneConnectionDependencies;
  #state: BackplaneConnectionState = { name: 'closed' };
  #subscriptions: readonly BackplaneSubscription[] = [];
  /** The current or last attempt to subscribe. */
  #attempt: Promise<void> = Promise.resolve();
  #attemptCount = 0;
  #pendingBytes = 0;
  #error: Error | undefined;

  constructor(dependencies: BackplaneConnectionDependencies) {
    this.#dependencies = dependencies;
  }

  /** The error of the last completed attempt to subscribe, or `undefined` if that attempt succeeded. */
  get error(): Error | undefined {
    return this.#error;
  }

  /**
   * Begins to subscribe. {@link BackplaneConnection.tick} makes further attempts if the first one fails, so call `tick`
   * regularly.
   */
  open(nowMs: number): void {
    if (this.#state.name === 'closed') this.#attempt = this.#subscribe(nowMs);
  }

  tick(nowMs: number): void {
    if (this.#state.name === 'waiting' && nowMs >= this.#state.retryAtMs)
      this.#attempt = this.#subscribe(nowMs);
  }

  /**
   * Publishes a message. Resolves when the backplane has accepted it. Rejects if the backplane refuses it, or if it would
   * exceed `maximumBytes`. Never throws synchronously.
   */
  async publish(channel: string, message: Uint8Array): Promise<void> {
    const { backplane, maximumBytes } = this.#dependencies;
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
    this.#moveTo({ name: 'ended' });
    await this.#attempt;
    await this.#unsubscribe();
  }

  #moveTo(state: BackplaneConnectionState): void {
    if (this.#state.name !== 'ended') this.#state = state;
  }

  get #isEnded(): boolean {
    return this.#state.name === 'ended';
  }

  /** Makes one attempt to subscribe to all channels. Never rejects. */
  async #subscribe(nowMs: number): Promise<void> {
    const { backplane, channels, onOpen } = this.#dependencies;
    this.#moveTo({ name: 'opening' });
    const attempts = Array.from(channels, async ([channel, onMessage]) =>
      backplane.subscribe(channel, onMessage),
    );
    const results = await Promise.allSettled(attempts);
    this.#subscriptions = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    const failure = results.find((result) => result.status === 'rejected');
    // `close` waits for this attempt and then ends the subscriptions.
    if (this.#isEnded) return;
    if (failure === undefined) {
      this.#error = undefined;
      this.#moveTo({ name: 'open' });
      onOpen();
      return;
    }
    this.#error = toError(failure.reason);
    await this.#unsubscribe();
    const bounds = { baseMs: this.#dependencies.retryMs, maxMs: MAXIMUM_RETRY_MS };
    this.#moveTo({ name: 'waiting', retryAtMs: nowMs + backOffDelayMs(this.#attemptCount++, bounds) });
  }

  async #unsubscribe(): Promise<void> {
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    await Promise.allSettled(subscriptions.map((subscription) => subscription.unsubscribe()));
  }
}
