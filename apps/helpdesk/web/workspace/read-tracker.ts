// Marks messages as read while the person can see them.
import type { Room } from '@millrace/client';
import type { StoreApi } from 'zustand';
import { withReceipt } from '../state/conversation.js';
import {
  conversationOf,
  ticketWithId,
  withConversation,
  withTicketFields,
} from '../state/workspace-changes.js';
import type { WorkspaceState } from '../state/workspace-state.js';
import { type HelpdeskApi, ignoreWhileOffline } from './helpdesk-api.js';

/** Dependencies of a {@link ReadTracker}. */
interface ReadTrackerDependencies {
  readonly store: StoreApi<WorkspaceState>;
  readonly api: HelpdeskApi;
  readonly ownId: string;
  /** Returns the joined room with this ID, or `undefined` if it is not joined. */
  readonly room: (roomId: string) => Pick<Room, 'markRead'> | undefined;
}

/** Marks the messages of the open ticket as read. */
export class ReadTracker {
  readonly #dependencies: ReadTrackerDependencies;
  /** True while the person can see the workspace, because only visible messages count as read. */
  #isVisible = true;

  constructor(dependencies: ReadTrackerDependencies) {
    this.#dependencies = dependencies;
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    if (isVisible) this.markOpenTicketRead();
  }

  /** Marks the open ticket as read up to its last message, if the person can see it. */
  markOpenTicketRead(): void {
    const { store, api, ownId, room } = this.#dependencies;
    const state = store.getState();
    const { openTicketId, phase } = state;
    const ticket = openTicketId === null ? undefined : ticketWithId(state, openTicketId);
    if (ticket === undefined || phase !== 'ready' || !this.#isVisible) return;
    const { messages, readUpTo, isLoaded } = conversationOf(state, ticket.id);
    const read = Math.max(readUpTo[ownId] ?? 0, ticket.readUpTo);
    const unread = messages.filter(({ sequence_number: number }) => number > read);
    const last = unread.at(-1);
    if (!isLoaded || last === undefined) return;
    const others = unread.filter(({ sender_id: senderId }) => senderId !== ownId).map(({ id }) => id);
    // The hub informs other people immediately. The database keeps the read position for pages that are loaded later.
    if (others.length > 0) room(ticket.roomId)?.markRead(others);
    void api.markRead(ticket.id, last.sequence_number).catch(ignoreWhileOffline);
    store.setState((current) =>
      withTicketFields(
        withConversation(current, ticket.id, (conversation) => withReceipt(conversation, ownId, [last.id])),
        ticket.id,
        { readUpTo: last.sequence_number },
      ),
    );
  }
}
