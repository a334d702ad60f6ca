/*
 * A backplane in memory that fails on demand.
 */
import { type BackplaneSubscription, createMemoryBackplane, type HubBackplane } from '../../src/backplane.js';

/** Kinds of backplane messages. On the wire, the kind is the second item of a message. */
export const KIND = {
  announce: 1,
  send: 3,
  query: 4,
  answer: 5,
  completion: 6,
  cancel: 8,
  missing: 10,
} as const;

/** The backplane of one server. Backplanes with the same `inner` are connected. */
export class FaultyBackplane implements HubBackplane {
  /** True while published messages do not reach this server. */
  receivesNothing = false;
  /** The error with which publishing fails, or undefined if publishing works. */
  publishError: Error | undefined;
  /** The error with which subscribing to the instance's own channel fails. Subscribing to the hub's channel still works. */
  subscribeError: Error | undefined;
  /** The instance's id, from the name of its own channel. */
  get id(): string {
    return this.channels.find((channel) => channel.includes('#'))?.split('#')[1] ?? '';
  }

  /** The number of subscriptions that have not ended. */
  openCount = 0;
  /** Kinds of messages that `publish` accepts but does not deliver. */
  readonly lostKinds = new Set<number>();
  /** The channels of all attempts to subscribe. */
  readonly channels: string[] = [];
  readonly #inner: HubBackplane;
  /** Publishing and subscribing wait for this promise. */
  #gate: Promise<void> = Promise.resolve();
  #openGate: () => void = () => {};

  constructor(inner: HubBackplane = createMemoryBackplane()) {
    this.#inner = inner;
  }

  /** Delays every call of `publish` and `subscribe` from now on, until `flow` is called. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#openGate = resolve;
    });
  }

  flow(): void {
    this.#openGate();
  }

  async subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription> {
    this.channels.push(channel);
    await this.#gate;
    if (this.subscribeError !== undefined && channel.includes('#')) throw this.subscribeError;
    const subscription = await this.#inner.subscribe(channel, (message) => {
      if (!this.receivesNothing) onMessage(message);
    });
    this.openCount += 1;
    return {
      unsubscribe: () => {
        this.openCount -= 1;
        return subscription.unsubscribe();
      },
    };
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    await this.#gate;
    if (this.publishError !== undefined) throw this.publishError;
    if (!this.lostKinds.has(message[2] ?? 0)) await this.#inner.publish(channel, message);
  }
}
