/*
 * Numbers, encodes and sends messages to the other instances, and reports messages that could not be published.
 */
import { randomBytes } from 'node:crypto';
import { toError } from '@millrace/internal';
import { encodeBackplaneMessage } from './backplane-codec.js';
import type { Body } from './backplane-message.js';

/** Returns 128 random bits in base64url, as the id of an instance, a query or a call. */
export function randomId(): string {
  return randomBytes(16).toString('base64url');
}

/** Constructor dependencies of {@link BackplaneSender}. */
export interface BackplaneSenderDependencies {
  /** The channel of the hub, which all instances subscribe to. */
  readonly channel: string;
  /** Publishes a message. Rejects if the backplane did not confirm the message. */
  publish(channel: string, message: Uint8Array): Promise<void>;
  /** Called for each message that was not published. Not called for heartbeats and `leave` messages. */
  onFailed(error: Error): void;
}

/** Sends the messages of this instance, which has a random id. Stores no messages. */
export class BackplaneSender {
  readonly id = randomId();
  readonly #dependencies: BackplaneSenderDependencies;
  /** The sequence number of the last `send` or `query`. */
  #sequence = 0;

  constructor(dependencies: BackplaneSenderDependencies) {
    this.#dependencies = dependencies;
  }

  /** The channel that only this instance subscribes to. */
  get ownChannel(): string {
    return this.#channelOf(this.id);
  }

  /**
   * Sends a numbered message to all instances. The number is used up even if the message cannot be published. Therefore the
   * other instances notice the loss.
   */
  broadcast(body: Body<'send' | 'query'>, onFailed?: (error: Error) => void): void {
    this.#sequence += 1;
    this.#publish(this.#dependencies.channel, body, onFailed);
  }

  /** Sends a message to one instance. */
  sendTo(peer: string, body: Body): void {
    this.#publish(this.#channelOf(peer), body);
  }

  /**
   * Sends a heartbeat or a `leave` message to all instances. The message repeats the number of the last `send` or `query`.
   * Rejects if the message was not published.
   */
  async announce(body: Body<'announce' | 'leave'>): Promise<void> {
    await this.#dependencies.publish(this.#dependencies.channel, this.#encode(body));
  }

  #publish(channel: string, body: Body, onFailed?: (error: Error) => void): void {
    this.#dependencies.publish(channel, this.#encode(body)).catch((thrown: unknown) => {
      const error = toError(thrown);
      this.#dependencies.onFailed(error);
      onFailed?.(error);
    });
  }

  #encode(body: Body): Uint8Array {
    return encodeBackplaneMessage({ sender: this.id, sequence: this.#sequence, ...body });
  }

  /** Returns the channel of one instance. No hub has the same channel, because the path of a hub contains no `#`. */
  #channelOf(id: string): string {
    return `${this.#dependencies.channel}#${id}`;
  }
}
