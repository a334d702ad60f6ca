// Puts the events that arrive into the store.
import type { Client, DeliveredEvent } from '@millrace/client';
import type { StoreApi } from 'zustand';
import type { Notification, RemoteSession, TicketStatus } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { withMessage, withReceipt } from '../state/conversation.js';
import {
  ticketInRoom,
  withConversation,
  withLastMessage,
  withNotification,
  withRemoteSession,
  withTicketFields,
} from '../state/workspace-changes.js';
import type { WorkspaceState } from '../state/workspace-state.js';
import type { DataLoader } from './data-loader.js';
import { ignoreWhileOffline } from './helpdesk-api.js';
import type { ReadTracker } from './read-tracker.js';

type Event<Name extends DeliveredEvent['event_type']> = Extract<
  DeliveredEvent,
  { readonly event_type: Name }
>;

/** Dependencies of {@link EventHandlers}. */
interface EventHandlersDependencies {
  readonly store: StoreApi<WorkspaceState>;
  readonly ownId: string;
  readonly loader: DataLoader;
  readonly readTracker: ReadTracker;
}

/** The handlers of one person's events. */
export class EventHandlers {
  readonly #dependencies: EventHandlersDependencies;
  readonly #store: StoreApi<WorkspaceState>;

  constructor(dependencies: EventHandlersDependencies) {
    this.#dependencies = dependencies;
    this.#store = dependencies.store;
  }

  /** Adds the handlers to a client. */
  addTo(client: Client): void {
    client.on('chat_message', (event) => this.#onMessage(event));
    client.on('read_receipt', (event) => this.#onReadReceipt(event));
    client.on('status_change', ({ payload }) =>
      // Every status is a `TicketStatus`, because the helpdesk publishes no other statuses.
      this.#changeTicket(payload.request_id, { status: payload.new_status as TicketStatus }),
    );
    client.on('assignment_change', ({ payload }) =>
      this.#changeTicket(payload.request_id, { assigneeId: payload.assignee_id }),
    );
    client.on('remote_session_start', (event) => this.#onRemoteSession(event, 'active'));
    client.on('remote_session_end', (event) => this.#onRemoteSession(event, 'ended'));
    client.on('notification', (event) => this.#onNotification(event));
    client.onTypingChange((roomId, users) => {
      const ticket = ticketInRoom(this.#store.getState(), roomId);
      if (ticket !== undefined)
        this.#store.setState(({ typing }) => ({ typing: new Map(typing).set(ticket.id, users) }));
    });
  }

  #onMessage({ payload }: Event<'chat_message'>): void {
    const { ownId, readTracker } = this.#dependencies;
    const { request_id: ticketId } = payload;
    this.#store.setState((state) =>
      withLastMessage(
        withConversation(state, ticketId, (conversation) => withMessage(conversation, payload)),
        payload,
        ownId,
      ),
    );
    if (ticketId !== this.#store.getState().openTicketId || payload.sender_id === ownId) return;
    const name = payload.sender?.full_name ?? payload.sender?.username;
    const announcement = name === undefined ? payload.content : texts.chat.announced(name, payload.content);
    this.#store.setState({ announcement });
    readTracker.markOpenTicketRead();
  }

  #onReadReceipt({ room_id: roomId, payload }: Event<'read_receipt'>): void {
    // The payload may have another form, because the contract only recommends the fields of this type.
    if (!Array.isArray(payload.message_ids)) return;
    const ticket = ticketInRoom(this.#store.getState(), roomId);
    if (ticket === undefined) return;
    this.#store.setState((state) =>
      withConversation(state, ticket.id, (conversation) =>
        withReceipt(conversation, payload.user_id, payload.message_ids),
      ),
    );
  }

  #changeTicket(ticketId: string, fields: Parameters<typeof withTicketFields>[2]): void {
    this.#store.setState((state) => withTicketFields(state, ticketId, fields));
  }

  #onRemoteSession(
    { payload }: Event<'remote_session_start' | 'remote_session_end'>,
    state: 'active' | 'ended',
  ): void {
    if (typeof payload.request_id !== 'string') return;
    const session: RemoteSession = {
      id: payload.session_id,
      ticketId: payload.request_id,
      agentId: payload.agent_id,
      requesterId: payload.requester_id,
      mode: payload.mode ?? 'view',
      state,
      startedAt: null,
    };
    this.#store.setState((current) => withRemoteSession(current, session));
  }

  #onNotification({ event_id: id, timestamp, payload }: Event<'notification'>): void {
    const { loader } = this.#dependencies;
    const ticketId = ticketInUrl(payload.action_url);
    // The payload may have another form, because the contract only recommends the fields of this type.
    const title = typeof payload.title === 'string' ? payload.title : texts.notifications.untitled;
    const body = typeof payload.body === 'string' ? payload.body : '';
    // The helpdesk publishes only the kinds of `NotificationKind`. Other kinds, such as that of the example event, are only shown.
    const kind = payload.type as Notification['kind'];
    const notification = { id, kind, title, body, ticketId, createdAt: timestamp, isRead: false };
    this.#store.setState((state) => withNotification(state, notification));
    if (kind === 'ticket_created' || kind === 'ticket_received')
      void loader.loadTickets().catch(ignoreWhileOffline);
    if (kind === 'remote_session_invite' && ticketId !== null)
      void loader.loadConversation(ticketId).catch(ignoreWhileOffline);
  }
}

/**
 * Returns the ticket to which a notification leads: the last part of the notification's address, if that part
 * is an ID. The rest of the address is ignored. Therefore a notification can lead only to a ticket.
 */
function ticketInUrl(url: unknown): string | null {
  return typeof url === 'string'
    ? (/\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(url)?.[1] ?? null)
    : null;
}
