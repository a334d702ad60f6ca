// Sends a person's messages. A message is shown immediately, as pending until the database has stored it.
import type { StoreApi } from 'zustand';
import { type PendingMessage, withMessage, withPending } from '../state/conversation.js';
import { withConversation, withLastMessage } from '../state/workspace-changes.js';
import type { WorkspaceState } from '../state/workspace-state.js';
import { ApiRefusal, type HelpdeskApi } from './helpdesk-api.js';

/** Sends the messages of one person. */
export class MessageSender {
  readonly #store: StoreApi<WorkspaceState>;
  readonly #api: HelpdeskApi;
  readonly #ownId: string;

  constructor(store: StoreApi<WorkspaceState>, api: HelpdeskApi, ownId: string) {
    this.#store = store;
    this.#api = api;
    this.#ownId = ownId;
  }

  /** Sends a message, for the first time or again. The helpdesk stores a message once, however often it is sent. */
  async send(ticketId: string, message: PendingMessage): Promise<void> {
    this.#setPending(ticketId, { ...message, state: 'sending' });
    try {
      const answer = await this.#api.sendMessage(ticketId, message.content, message.clientTempId);
      this.#store.setState((state) =>
        withLastMessage(
          withConversation(state, ticketId, (conversation) => withMessage(conversation, answer.message)),
          answer.message,
          this.#ownId,
        ),
      );
    } catch (error) {
      // While the page is offline, the message waits and is sent on reconnect. Otherwise the person decides
      // whether to send the message again.
      const isOffline = !(error instanceof ApiRefusal) && this.#store.getState().connection !== 'live';
      this.#setPending(ticketId, { ...message, state: isOffline ? 'waiting' : 'failed' });
    }
  }

  /** Sends the messages that wait for a connection, one at a time, so that they are stored in the order of writing. */
  sendWaiting(): void {
    for (const [ticketId, { pending }] of this.#store.getState().conversations) {
      const waiting = pending.filter(({ state }) => state === 'waiting');
      void waiting.reduce(
        (previous, message) => previous.then(() => this.send(ticketId, message)),
        Promise.resolve(),
      );
    }
  }

  #setPending(ticketId: string, message: PendingMessage): void {
    this.#store.setState((state) =>
      withConversation(state, ticketId, (conversation) => withPending(conversation, message)),
    );
  }
}
