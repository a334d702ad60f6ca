// One person's workspace: the person's client, API calls and network link, and the state that the views show. Two workspaces on a
// page share nothing.
import { type Client, createClient, type DeliveredEvent } from '@millrace/client';
import type { StoreApi } from 'zustand';
import type {
  Person,
  RemoteSession,
  RemoteSessionAction,
  RemoteSessionMode,
  Ticket,
  TicketStatus,
} from '../../src/api-types.js';
import { ConnectionTrial } from '../connection-trial/connection-trial.js';
import { NetworkLink } from '../connection-trial/network-link.js';
import { HandledEvents } from '../connection-trial/trial-counts.js';
import { createBatchedStore } from '../state/batched-store.js';
import type { PendingMessage } from '../state/conversation.js';
import { withSample } from '../state/latency.js';
import { ticketWithId, withRemoteSession, withTicket } from '../state/workspace-changes.js';
import { initialWorkspaceState, type PeopleById, type WorkspaceState } from '../state/workspace-state.js';
import { DataLoader } from './data-loader.js';
import { EventHandlers } from './event-handlers.js';
import { HelpdeskApi, ignoreWhileOffline } from './helpdesk-api.js';
import { MessageSender } from './message-sender.js';
import { ReadTracker } from './read-tracker.js';

/** The workspace of one person. */
export class Workspace {
  readonly me: Person;
  readonly people: PeopleById;
  readonly store: StoreApi<WorkspaceState>;
  readonly #link = new NetworkLink();
  readonly #handled = new HandledEvents();
  readonly #api: HelpdeskApi;
  readonly #trial: ConnectionTrial;
  readonly #loader: DataLoader;
  readonly #readTracker: ReadTracker;
  readonly #sender: MessageSender;
  #client: Client | undefined;
  #isClosed = false;

  constructor(me: Person, people: PeopleById, openTicketId: string | null) {
    this.me = me;
    this.people = people;
    this.store = createBatchedStore(initialWorkspaceState(openTicketId));
    const { store } = this;
    const api = new HelpdeskApi(this.#link, me.id);
    const trial = new ConnectionTrial({
      store,
      link: this.#link,
      handled: this.#handled,
      droppedRepeats: () => this.#client?.counts.repeated ?? 0,
      storedUpTo: async () => {
        const { tickets } = await api.tickets();
        return new Map(tickets.map(({ id, lastMessage }) => [id, lastMessage?.sequence_number ?? 0]));
      },
    });
    this.#api = api;
    this.#trial = trial;
    this.#loader = new DataLoader({ store, api, trial, joinRooms: () => this.#joinRooms() });
    this.#readTracker = new ReadTracker({
      store,
      api,
      ownId: me.id,
      room: (roomId) => this.#client?.room(roomId),
    });
    this.#sender = new MessageSender(store, api, me.id);
  }

  /** Signs in, connects, joins the rooms of all tickets, and loads the lists and the open ticket. */
  async open(): Promise<void> {
    this.#isClosed = false;
    this.store.setState({ phase: 'opening' });
    try {
      const { typingExpiryMs } = await this.#api.signIn();
      if (this.#isClosed) return;
      const client = this.#client ?? this.#createClient(typingExpiryMs);
      this.#client = client;
      await Promise.all([client.connect(), this.#loader.loadTickets(), this.#loader.loadNotifications()]);
      // Loads the tickets again after their rooms are joined, so that no change between the first load and
      // the join is missed.
      await this.#loader.loadTickets();
      const { openTicketId } = this.store.getState();
      if (openTicketId !== null) await this.#loader.loadOpenTicket(openTicketId);
      this.store.setState({ phase: 'ready' });
      this.#readTracker.markOpenTicketRead();
    } catch (error) {
      if (this.#isClosed) return;
      console.warn(error);
      this.store.setState({ phase: 'failed' });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#client?.close();
  }

  // ── Tickets ───────────────────────────────────────────────────────────────────────────────────────────────────

  openTicket(ticketId: string | null): void {
    const { openTicketId, phase } = this.store.getState();
    if (openTicketId === ticketId) return;
    this.store.setState({ openTicketId: ticketId, missingTicketId: null, announcement: '' });
    // If the workspace is not ready yet, `open` will load the ticket.
    if (ticketId !== null && phase === 'ready')
      void this.#loader
        .loadOpenTicket(ticketId)
        .catch(ignoreWhileOffline)
        .then(() => this.#readTracker.markOpenTicketRead());
  }

  async createTicket(subject: string, content: string): Promise<void> {
    const { ticket } = await this.#api.createTicket(subject, content);
    this.#replaceTicket(ticket);
    void this.#joinRooms();
    this.openTicket(ticket.id);
  }

  async setStatus(ticketId: string, status: TicketStatus): Promise<void> {
    this.#replaceTicket((await this.#api.setStatus(ticketId, status)).ticket);
  }

  async assign(ticketId: string, assigneeId: string | null): Promise<void> {
    this.#replaceTicket((await this.#api.assign(ticketId, assigneeId)).ticket);
  }

  async invite(ticketId: string, mode: RemoteSessionMode): Promise<void> {
    this.#setRemoteSession((await this.#api.invite(ticketId, mode)).remoteSession);
  }

  async actOnRemoteSession(session: RemoteSession, action: RemoteSessionAction): Promise<void> {
    this.#setRemoteSession((await this.#api.actOnRemoteSession(session.id, action)).remoteSession);
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Shows a message immediately and sends it. */
  async send(ticketId: string, content: string): Promise<void> {
    const clientTempId = crypto.randomUUID();
    const createdAt = new Date().toISOString();
    await this.#sender.send(ticketId, { clientTempId, content, createdAt, state: 'sending' });
  }

  /** Sends a failed message again. */
  async retry(ticketId: string, message: PendingMessage): Promise<void> {
    await this.#sender.send(ticketId, message);
  }

  async loadEarlier(ticketId: string): Promise<void> {
    await this.#loader.loadEarlier(ticketId);
  }

  setTyping(ticketId: string, isTyping: boolean): void {
    const ticket = ticketWithId(this.store.getState(), ticketId);
    if (ticket !== undefined) this.#client?.room(ticket.roomId)?.sendTyping(isTyping);
  }

  /** Tells the workspace whether the person can see it, because only visible messages count as read. */
  setVisible(isVisible: boolean): void {
    this.#readTracker.setVisible(isVisible);
  }

  // ── Notifications ─────────────────────────────────────────────────────────────────────────────────────────────

  async readNotifications(): Promise<void> {
    this.store.setState(({ notifications }) => ({
      notifications: notifications.map((each) => ({ ...each, isRead: true })),
    }));
    await this.#api.markNotificationsRead().catch(ignoreWhileOffline);
  }

  dismissToast(id: string): void {
    this.store.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
  }

  // ── Connection ────────────────────────────────────────────────────────────────────────────────────────────────

  cutConnection(): void {
    this.#trial.cut();
  }

  restoreConnection(): void {
    this.#trial.restore();
  }

  dismissReport(): void {
    this.#trial.dismissReport();
  }

  #createClient(typingExpiryMs: number): Client {
    const client = createClient({
      url: location.origin,
      accessToken: () => this.#api.accessToken(),
      typingExpiryMs,
      typingRepeatMs: Math.max(200, typingExpiryMs / 3),
      retryBaseMs: 250,
      retryMaxMs: 3_000,
      network: this.#link.network,
      signalr: { http: this.#link.signalr },
    });
    client.onAny((event) => this.#measure(event));
    new EventHandlers({
      store: this.store,
      ownId: this.me.id,
      loader: this.#loader,
      readTracker: this.#readTracker,
    }).addTo(client);
    client.onResync((roomId) => this.#trial.waitFor(this.#loader.resync(roomId)));
    client.onStateChange(({ state }) => {
      this.store.setState({ connection: state });
      this.#trial.connectionChanged(state);
      if (state === 'live') this.#sender.sendWaiting();
    });
    // A failed attempt to connect is visible in the state of the connection. Any other error goes to the
    // console.
    client.onError((error) => {
      if (error.code !== 'connection_failed') console.warn(error);
    });
    return client;
  }

  #measure(event: DeliveredEvent): void {
    this.#handled.add(event.event_id);
    this.#trial.recordEvent(event);
    if (isCoalesced(event) || this.store.getState().connection !== 'live') return;
    const sampleMs = Date.now() - Date.parse(event.timestamp);
    this.store.setState(({ latency }) => ({ latency: withSample(latency, sampleMs) }));
  }

  /** Joins the rooms of all tickets. Rooms that are already joined stay as they are. */
  async #joinRooms(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await Promise.all(this.store.getState().tickets.map(({ roomId }) => client.join(roomId).joined));
  }

  #replaceTicket(ticket: Ticket): void {
    this.store.setState((state) => withTicket(state, ticket));
  }

  #setRemoteSession(session: RemoteSession): void {
    this.store.setState((state) => withRemoteSession(state, session));
  }
}

/** Coalesced events wait before they are published, so their timestamps do not show the delivery time. */
function isCoalesced({ event_type: type }: DeliveredEvent): boolean {
  return type === 'typing_start' || type === 'typing_stop' || type === 'read_receipt';
}
