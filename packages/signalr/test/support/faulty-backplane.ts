/*
 * A backplane in memory that fails on demand.
 */
import { type BackplaneSubscription, createMemoryBackplane, type HubBackplane } from '../../src/backplane.js';

/** Second number of each message on the wire. */
export const KIND = {
  announce: 1,
  send: 3,
  query: 4,
  answer: 5,
  completion: 6,
  cancel: 8,
  missing: 10,
} as const;

/** One server's backplane; those that share `inner` are connected. */
export class FaultyBackplane implements HubBackplane {
  /** True while published messages do not reach this server. */
  receivesNothing = false;
  /** Why nothing can be published. */
  publishError: Error | undefined;
  /** Why the channel of the instance cannot be subscribed to; that of the hub can. */
  subscribeError: Error | undefined;
  /** The id of the instance, as its own channel has it. */
  get id(): string {
    return this.channels.find((channel) => channel.includes('#'))?.split('#')[1] ?? '';
  }

  /** Subscriptions that have not ended. */
  openCount = 0;
  /** Kinds of messages that are taken and then lost. */
  readonly lostKinds = new Set<number>();
  /** The channels of all attempts to subscribe. */
  readonly channels: string[] = [];
  readonly #inner: HubBackplane;
  /** Messages wait for this before they are taken. */
  #gate: Promise<void> = Promise.resolve();
  #openGate: () => void = () => {};

  constructor(inner: HubBackplane = createMemoryBackplane()) {
    this.#inner = inner;
  }

  /** Nothing that is published from now on is taken before `flow`. */
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
