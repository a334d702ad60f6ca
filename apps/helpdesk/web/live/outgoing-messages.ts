// The messages that a person has written and that are not yet in the conversation on the page. They are shown immediately, as pending.
import { createStore, type StoreApi } from 'zustand';
import type { Message } from '../../src/api-types.js';
import { ApiRefusal, type HelpdeskApi } from './helpdesk-api.js';

/**
 * States of an outgoing message: sending → stored → forgotten, when the conversation shows it. If no answer arrives: sending → waiting
 * → sending, by itself. If the helpdesk refuses the message: sending → failed → sending, when the person wants it.
 */
export type OutgoingState = 'sending' | 'stored' | 'waiting' | 'failed';

/** A message of this person that the conversation on the page does not contain yet. */
export interface OutgoingMessage {
  readonly ticketId: string;
  readonly clientTempId: string;
  readonly content: string;
  readonly state: OutgoingState;
}

/** Milliseconds after which waiting messages are sent again. A new connection sends them at once. */
const retryMs = 3_000;

/** The outgoing messages of one person, in the order of writing. */
export class OutgoingMessages {
  readonly store: StoreApi<readonly OutgoingMessage[]> = createStore<readonly OutgoingMessage[]>(() => []);
  readonly #api: HelpdeskApi;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: HelpdeskApi) {
    this.#api = api;
  }

  /** Shows a message and sends it. */
  async write(ticketId: string, content: string): Promise<void> {
    await this.send({ ticketId, clientTempId: crypto.randomUUID(), content, state: 'sending' });
  }

  /** Sends a message, for the first time or again. The helpdesk stores a message once, however often it is sent. */
  async send(message: OutgoingMessage): Promise<void> {
    const { ticketId, content, clientTempId } = message;
    this.#put({ ...message, state: 'sending' });
    try {
      await this.#api.sendMessage(ticketId, content, clientTempId);
      this.#put({ ...message, state: 'stored' });
    } catch (error) {
      const isRefused = error instanceof ApiRefusal;
      this.#put({ ...message, state: isRefused ? 'failed' : 'waiting' });
      if (!isRefused) this.#retry ??= setTimeout(() => void this.sendWaiting(), retryMs);
    }
  }

  /** Sends the messages that wait for a connection, one at a time, so that they are stored in the order of writing. */
  async sendWaiting(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const message of this.store.getState()) {
      if (message.state === 'waiting') await this.send(message);
    }
  }

  /** Forgets the messages that a conversation contains. */
  confirm(messages: readonly Message[]): void {
    const all = this.store.getState();
    const left = all.filter((each) => !isIn(messages, each));
    if (left.length < all.length) this.store.setState(left, true);
  }

  #put(message: OutgoingMessage): void {
    const messages = this.store.getState();
    const index = messages.findIndex(({ clientTempId }) => clientTempId === message.clientTempId);
    // A message that was forgotten is in the conversation already: its event came before the answer.
    if (index === -1 && message.state !== 'sending') return;
    this.store.setState(index === -1 ? [...messages, message] : messages.with(index, message), true);
  }
}

/** True if a conversation contains an outgoing message. */
export function isIn(messages: readonly Message[], { clientTempId }: OutgoingMessage): boolean {
  return messages.some(({ client_temp_id: tempId }) => tempId === clientTempId);
}
