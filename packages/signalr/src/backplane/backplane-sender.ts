/*
 * What this instance says to the others: numbered, encoded, and reported where it could not be said.
 */
import { randomBytes } from 'node:crypto';
import { toError } from '../connection/error-text.js';
import { encodeBackplaneMessage } from './backplane-codec.js';
import type { Body } from './backplane-message.js';

/** 128 random bits in base64url: for instances, questions and calls. */
export function randomId(): string {
  return randomBytes(16).toString('base64url');
}

/** What a speaker is made of. */
export interface SpeakerParts {
  /** The channel of the hub, which everybody listens to. */
  readonly channel: string;
  /** Rejects when the message is not known to have been taken. */
  publish(channel: string, message: Uint8Array): Promise<void>;
  /** Told of everything that was not published, but for signs of life. */
  onFailed(error: Error): void;
}

/** Speaks under an id of its own. Keeps nothing. */
export class Speaker {
  readonly id = randomId();
  readonly #parts: SpeakerParts;
  /** Of the last broadcast that was numbered. */
  #sequence = 0;

  constructor(parts: SpeakerParts) {
    this.#parts = parts;
  }

  /** The channel that only this instance listens to. */
  get ownChannel(): string {
    return this.#channelOf(this.id);
  }

  /**
   * Says something that nobody may miss unawares. It has its number also when it cannot be published, so that the others see
   * that they missed it.
   */
  broadcast(body: Body<'send' | 'question'>, onFailed?: (error: Error) => void): void {
    this.#sequence += 1;
    this.#publish(this.#parts.channel, body, onFailed);
  }

  /** Says something to one instance. */
  tell(peer: string, body: Body): void {
    this.#publish(this.#channelOf(peer), body);
  }

  /** Gives a sign of life, with the number of the last broadcast. Rejects when it was not taken. */
  async greet(body: Body<'hello' | 'bye'>): Promise<void> {
    await this.#parts.publish(this.#parts.channel, this.#encode(body));
  }

  #publish(channel: string, body: Body, onFailed?: (error: Error) => void): void {
    this.#parts.publish(channel, this.#encode(body)).catch((thrown: unknown) => {
      const error = toError(thrown);
      this.#parts.onFailed(error);
      onFailed?.(error);
    });
  }

  #encode(body: Body): Uint8Array {
    return encodeBackplaneMessage({ sender: this.id, sequence: this.#sequence, ...body });
  }

  /** A hub's path holds no `#`. */
  #channelOf(id: string): string {
    return `${this.#parts.channel}#${id}`;
  }
}
