// Loads tickets, notifications and conversations from the helpdesk's database: at the start, when a ticket is opened, and when the
// gateway cannot send the missed events of a room.
import type { StoreApi } from 'zustand';
import type { ConnectionTrial } from '../connection-trial/connection-trial.js';
import { type Conversation, lastSequenceNumber, withEarlier, withNewest } from '../state/conversation.js';
import { conversationOf, ticketInRoom, withConversation } from '../state/workspace-changes.js';
import type { WorkspaceState } from '../state/workspace-state.js';
import { ApiRefusal, type HelpdeskApi } from './helpdesk-api.js';

/** Dependencies of a {@link DataLoader}. */
interface DataLoaderDependencies {
  readonly store: StoreApi<WorkspaceState>;
  readonly api: HelpdeskApi;
  /** Counts the messages that are loaded after an interruption. */
  readonly trial: ConnectionTrial;
  /** Joins the rooms of all tickets in the list. */
  readonly joinRooms: () => Promise<void>;
}

/**
 * Statuses for an ID that belongs to no ticket: an unknown ID, an ID that is too long, and a text that is not
 * an ID.
 */
const missingStatuses: ReadonlySet<number> = new Set([404, 414, 422]);

/** Loads data of one person into the store. */
export class DataLoader {
  readonly #dependencies: DataLoaderDependencies;

  constructor(dependencies: DataLoaderDependencies) {
    this.#dependencies = dependencies;
  }

  /** Loads the list of tickets and joins their rooms. */
  async loadTickets(): Promise<void> {
    const { api, store, joinRooms } = this.#dependencies;
    const { tickets } = await api.tickets();
    store.setState({ tickets });
    await joinRooms();
  }

  async loadNotifications(): Promise<void> {
    const { api, store } = this.#dependencies;
    const { notifications } = await api.notifications();
    store.setState({ notifications });
  }

  /** Loads the open ticket. The address may contain a ticket that does not exist or that belongs to somebody else. */
  async loadOpenTicket(ticketId: string): Promise<void> {
    try {
      await this.loadConversation(ticketId);
    } catch (error) {
      if (!(error instanceof ApiRefusal) || !missingStatuses.has(error.status)) throw error;
      this.#dependencies.store.setState({ missingTicketId: ticketId });
    }
  }

  /** Loads a conversation. If the conversation is already loaded, loads only the newer messages. */
  async loadConversation(ticketId: string): Promise<void> {
    for (;;) {
      const conversation = this.#conversation(ticketId);
      const range = conversation.isLoaded ? { after: lastSequenceNumber(conversation) } : {};
      const { hasMore } = await this.#loadNewer(ticketId, range);
      if (!conversation.isLoaded || !hasMore) return;
    }
  }

  /** Loads the messages that precede the first message on the page. */
  async loadEarlier(ticketId: string): Promise<void> {
    const { api, store } = this.#dependencies;
    const before = this.#conversation(ticketId).messages[0]?.sequence_number;
    if (before === undefined) return;
    const answer = await api.conversation(ticketId, { before });
    store.setState((state) => withConversation(state, ticketId, (current) => withEarlier(current, answer)));
  }

  /** Loads the data of a room again, because the gateway cannot send the missed events of the room. */
  async resync(roomId: string): Promise<void> {
    if (roomId.startsWith('user:')) {
      await Promise.all([this.loadNotifications(), this.loadTickets()]);
      return;
    }
    const ticket = ticketInRoom(this.#dependencies.store.getState(), roomId);
    await this.loadTickets();
    if (ticket !== undefined && this.#conversation(ticket.id).isLoaded) await this.#loadSinceCut(ticket.id);
  }

  /**
   * Loads all messages since the cut. Does not start at the last message on the page, because messages before
   * it may be missing.
   */
  async #loadSinceCut(ticketId: string): Promise<void> {
    const { trial } = this.#dependencies;
    let after = trial.seenUpTo(ticketId) ?? lastSequenceNumber(this.#conversation(ticketId));
    for (;;) {
      const { messages, hasMore } = await this.#loadNewer(ticketId, { after });
      after = messages.at(-1)?.sequence_number ?? after;
      if (!hasMore) return;
    }
  }

  async #loadNewer(ticketId: string, range: { readonly after?: number }) {
    const { api, store, trial } = this.#dependencies;
    const answer = await api.conversation(ticketId, range);
    trial.recordLoaded(answer.messages, this.#conversation(ticketId));
    store.setState((state) => withConversation(state, ticketId, (current) => withNewest(current, answer)));
    return answer;
  }

  #conversation(ticketId: string): Conversation {
    return conversationOf(this.#dependencies.store.getState(), ticketId);
  }
}
