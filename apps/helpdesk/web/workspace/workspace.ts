// One person's desk: the client, the API and the cable of that person, and the state that the views show. Two of them
// can live in one page, as strangers to each other.
import { type Client, createClient, type DeliveredEvent } from '@millrace/client';
import type { StoreApi } from 'zustand';
import type {
  Message,
  Person,
  RemoteSession,
  RemoteSessionAction,
  RemoteSessionMode,
  Ticket,
  TicketStatus,
} from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import { CableTrial } from '../connection-trial/connection-trial.js';
import { Cable } from '../connection-trial/network-link.js';
import { HandledEvents } from '../connection-trial/trial-counts.js';
import { createBatchedStore } from '../state/batched-store.js';
import {
  type Conversation,
  emptyConversation,
  lastSequenceNumber,
  type PendingMessage,
  withEarlier,
  withMessage,
  withNewest,
  withPending,
  withReceipt,
} from '../state/conversation.js';
import { withSample } from '../state/latency.js';
import { type DeskState, openingState, type PeopleById } from '../state/workspace-state.js';
import { Api, ApiRefusal } from './helpdesk-api.js';

type Event<Name extends DeliveredEvent['event_type']> = Extract<
  DeliveredEvent,
  { readonly event_type: Name }
>;

const maxToasts = 3;
const maxNotifications = 50;

/** One person at the desk. */
export class Desk {
  readonly me: Person;
  readonly people: PeopleById;
  readonly store: StoreApi<DeskState>;
  readonly #cable = new Cable();
  readonly #api: Api;
  readonly #handled = new HandledEvents();
  readonly #trial: CableTrial;
  #client: Client | undefined;
  /** Whether the person can see the open ticket: only then it is read. */
  #isWatching = true;
  #isClosed = false;

  constructor(me: Person, people: PeopleById, openTicketId: string | null) {
    this.me = me;
    this.people = people;
    this.store = createBatchedStore(openingState(openTicketId));
    this.#api = new Api(this.#cable, me.id);
    this.#trial = new CableTrial({
      store: this.store,
      cable: this.#cable,
      handled: this.#handled,
      droppedRepeats: () => this.#client?.counts.repeated ?? 0,
      storedUpTo: async () => {
        const { tickets } = await this.#api.tickets();
        return new Map(tickets.map(({ id, lastMessage }) => [id, lastMessage?.sequence_number ?? 0]));
      },
    });
  }

  /** Signs in, connects, joins the rooms of all tickets, and loads what there is. */
  async open(): Promise<void> {
    this.#isClosed = false;
    this.store.setState({ phase: 'opening' });
    try {
      const { typingExpiryMs } = await this.#api.signIn();
      if (this.#isClosed) return;
      const client = this.#client ?? this.#createClient(typingExpiryMs);
      this.#client = client;
      await Promise.all([client.connect(), this.#loadTickets(), this.#loadNotifications()]);
      // Joined first, loaded after: nothing can happen in between unseen.
      await this.#loadTickets();
      const { openTicketId } = this.store.getState();
      if (openTicketId !== null) await this.#loadOpen(openTicketId);
      this.store.setState({ phase: 'ready' });
      this.#markOpenRead();
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

  // ── What the person does ──────────────────────────────────────────────────────────────────────────────────────

  openTicket(ticketId: string | null): void {
    const { openTicketId, phase } = this.store.getState();
    if (openTicketId === ticketId) return;
    this.store.setState({ openTicketId: ticketId, missingTicketId: null, announcement: '' });
    // Before it is ready, `open` loads what is open then.
    if (ticketId !== null && phase === 'ready')
      void this.#loadOpen(ticketId)
        .catch(ignoreOffline)
        .then(() => this.#markOpenRead());
  }

  /** Whether the person can see this desk now. */
  setWatching(isWatching: boolean): void {
    this.#isWatching = isWatching;
    if (isWatching) this.#markOpenRead();
  }

  /** Shows a message at once and sends it. */
  async send(ticketId: string, content: string): Promise<void> {
    const clientTempId = crypto.randomUUID();
    await this.#send(ticketId, {
      clientTempId,
      content,
      createdAt: new Date().toISOString(),
      state: 'sending',
    });
  }

  /** Sends one again that was not sent. The desk takes it once, however often it is sent. */
  async retry(ticketId: string, message: PendingMessage): Promise<void> {
    await this.#send(ticketId, message);
  }

  setTyping(ticketId: string, isTyping: boolean): void {
    const ticket = this.#ticket(ticketId);
    if (ticket !== undefined) this.#client?.room(ticket.roomId)?.sendTyping(isTyping);
  }

  async setStatus(ticketId: string, status: TicketStatus): Promise<void> {
    this.#updateTicket((await this.#api.setStatus(ticketId, status)).ticket);
  }

  async assign(ticketId: string, assigneeId: string | null): Promise<void> {
    this.#updateTicket((await this.#api.assign(ticketId, assigneeId)).ticket);
  }

  async invite(ticketId: string, mode: RemoteSessionMode): Promise<void> {
    this.#setRemoteSession((await this.#api.invite(ticketId, mode)).remoteSession);
  }

  async actOnRemoteSession(session: RemoteSession, action: RemoteSessionAction): Promise<void> {
    this.#setRemoteSession((await this.#api.actOnRemoteSession(session.id, action)).remoteSession);
  }

  async createTicket(subject: string, content: string): Promise<void> {
    const { ticket } = await this.#api.createTicket(subject, content);
    this.#updateTicket(ticket);
    void this.#joinRooms();
    this.openTicket(ticket.id);
  }

  async loadEarlier(ticketId: string): Promise<void> {
    const before = this.#conversation(ticketId).messages[0]?.sequence_number;
    if (before === undefined) return;
    const answer = await this.#api.conversation(ticketId, { before });
    this.#update(ticketId, (conversation) => withEarlier(conversation, answer));
  }

  async readNotifications(): Promise<void> {
    this.store.setState({
      notifications: this.store.getState().notifications.map((each) => ({ ...each, isRead: true })),
    });
    await this.#api.markNotificationsRead().catch(ignoreOffline);
  }

  dismissToast(id: string): void {
    this.store.setState({ toasts: this.store.getState().toasts.filter((toast) => toast.id !== id) });
  }

  pullCable(): void {
    this.#trial.pull();
  }

  plugCable(): void {
    this.#trial.plug();
  }

  dismissReport(): void {
    this.#trial.dismissReport();
  }

  // ── What arrives ──────────────────────────────────────────────────────────────────────────────────────────────

  #createClient(typingExpiryMs: number): Client {
    const client = createClient({
      url: location.origin,
      accessToken: () => this.#api.accessToken(),
      typingExpiryMs,
      typingRepeatMs: Math.max(200, typingExpiryMs / 3),
      retryBaseMs: 250,
      retryMaxMs: 3_000,
      network: this.#cable.network,
      signalr: { http: this.#cable.signalr },
    });
    client.onAny((event) => this.#observe(event));
    client.on('chat_message', (event) => this.#onMessage(event));
    client.on('read_receipt', ({ room_id: roomId, payload }) => {
      // The types are what is recommended; anybody may publish a receipt of another form.
      if (!Array.isArray(payload.message_ids)) return;
      this.#updateRoom(roomId, (conversation) =>
        withReceipt(conversation, payload.user_id, payload.message_ids),
      );
    });
    client.on('status_change', ({ payload }) =>
      // The desk's own names of states.
      this.#patchTicket(payload.request_id, { status: payload.new_status as TicketStatus }),
    );
    client.on('assignment_change', ({ payload }) =>
      this.#patchTicket(payload.request_id, { assigneeId: payload.assignee_id }),
    );
    client.on('remote_session_start', (event) => this.#onRemoteSession(event));
    client.on('remote_session_end', (event) => this.#onRemoteSession(event));
    client.on('notification', (event) => this.#onNotification(event));
    client.onTypingChange((roomId, users) => {
      const ticket = this.#ticketOfRoom(roomId);
      if (ticket !== undefined)
        this.store.setState({ typing: new Map(this.store.getState().typing).set(ticket.id, users) });
    });
    client.onResync((roomId) => this.#trial.during(this.#resync(roomId)));
    client.onStateChange(({ state }) => {
      this.store.setState({ connection: state });
      this.#trial.connectionChanged(state);
      if (state === 'live') this.#sendWaiting();
    });
    // Failed attempts are shown as the state; the rest is worth a line.
    client.onError((error) => {
      if (error.code !== 'connection_failed') console.warn(error);
    });
    return client;
  }

  #observe(event: DeliveredEvent): void {
    this.#handled.add(event.event_id);
    this.#trial.observe(event);
    if (isCoalesced(event) || this.store.getState().connection !== 'live') return;
    const sampleMs = Date.now() - Date.parse(event.timestamp);
    this.store.setState({ latency: withSample(this.store.getState().latency, sampleMs) });
  }

  #onMessage({ payload }: Event<'chat_message'>): void {
    const { request_id: ticketId } = payload;
    this.#update(ticketId, (conversation) => withMessage(conversation, payload));
    this.#noteLastMessage(payload);
    if (ticketId !== this.store.getState().openTicketId || payload.sender_id === this.me.id) return;
    const name = payload.sender?.full_name ?? payload.sender?.username;
    const announcement = name === undefined ? payload.content : texts.chat.announced(name, payload.content);
    this.store.setState({ announcement });
    this.#markOpenRead();
  }

  #onRemoteSession({
    event_type: type,
    payload,
  }: Event<'remote_session_start' | 'remote_session_end'>): void {
    if (typeof payload.request_id !== 'string') return;
    this.#setRemoteSession({
      id: payload.session_id,
      ticketId: payload.request_id,
      agentId: payload.agent_id,
      requesterId: payload.requester_id,
      mode: payload.mode ?? 'view',
      state: type === 'remote_session_start' ? 'active' : 'ended',
      startedAt: null,
    });
  }

  #onNotification({ event_id: id, timestamp, payload }: Event<'notification'>): void {
    const { action_url: url } = payload;
    const ticketId = typeof url === 'string' ? (url.split('/').at(-1) ?? null) : null;
    // The types are what is recommended; anybody may publish a notification of another form.
    const title = typeof payload.title === 'string' ? payload.title : texts.notifications.untitled;
    const body = typeof payload.body === 'string' ? payload.body : '';
    const { notifications, toasts } = this.store.getState();
    // The desk's own kinds.
    const kind = payload.type as DeskState['notifications'][number]['kind'];
    const notification = { id, kind, title, body, ticketId, createdAt: timestamp, isRead: false };
    this.store.setState({
      notifications: [notification, ...notifications].slice(0, maxNotifications),
      toasts: [...toasts, { id, title, body, ticketId }].slice(-maxToasts),
    });
    if (kind === 'ticket_created' || kind === 'ticket_received')
      void this.#loadTickets().catch(ignoreOffline);
    if (kind === 'remote_session_invite' && ticketId !== null) void this.#load(ticketId).catch(ignoreOffline);
  }

  // ── Loading ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #loadTickets(): Promise<void> {
    const { tickets } = await this.#api.tickets();
    this.store.setState({ tickets });
    await this.#joinRooms();
  }

  /** Those that are joined stay as they are. */
  async #joinRooms(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    await Promise.all(this.store.getState().tickets.map(({ roomId }) => client.join(roomId).joined));
  }

  async #loadNotifications(): Promise<void> {
    this.store.setState({ notifications: (await this.#api.notifications()).notifications });
  }

  /** Loads the open one. That there is none is an answer, too: addresses can be mistyped, or somebody else's. */
  async #loadOpen(ticketId: string): Promise<void> {
    try {
      await this.#load(ticketId);
    } catch (error) {
      if (!(error instanceof ApiRefusal) || !(error.status === 404 || error.status === 422)) throw error;
      this.store.setState({ missingTicketId: ticketId });
    }
  }

  /** Loads a conversation, or what is newer than what is here. */
  async #load(ticketId: string): Promise<void> {
    for (;;) {
      const conversation = this.#conversation(ticketId);
      const part = conversation.isLoaded ? { after: lastSequenceNumber(conversation) } : {};
      const answer = await this.#api.conversation(ticketId, part);
      this.#trial.loaded(answer.messages, this.#conversation(ticketId));
      this.#update(ticketId, (current) => withNewest(current, answer));
      if (!conversation.isLoaded || !answer.hasMore) return;
    }
  }

  /** The gateway cannot send what this room has missed: the database has it. */
  async #resync(roomId: string): Promise<void> {
    if (roomId.startsWith('user:')) {
      await Promise.all([this.#loadNotifications(), this.#loadTickets()]);
      return;
    }
    const ticket = this.#ticketOfRoom(roomId);
    await this.#loadTickets();
    if (ticket !== undefined && this.#conversation(ticket.id).isLoaded) await this.#loadFromSeen(ticket.id);
  }

  /** From before the break on: what came in live since then may stand behind a gap. */
  async #loadFromSeen(ticketId: string): Promise<void> {
    let after = this.#trial.seenUpTo(ticketId) ?? lastSequenceNumber(this.#conversation(ticketId));
    for (;;) {
      const answer = await this.#api.conversation(ticketId, { after });
      this.#trial.loaded(answer.messages, this.#conversation(ticketId));
      this.#update(ticketId, (current) => withNewest(current, answer));
      after = answer.messages.at(-1)?.sequence_number ?? after;
      if (!answer.hasMore) return;
    }
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #send(ticketId: string, message: PendingMessage): Promise<void> {
    this.#update(ticketId, (conversation) => withPending(conversation, { ...message, state: 'sending' }));
    try {
      const answer = await this.#api.sendMessage(ticketId, message.content, message.clientTempId);
      this.#update(ticketId, (conversation) => withMessage(conversation, answer.message));
      this.#noteLastMessage(answer.message);
    } catch (error) {
      // Without a connection it goes out by itself when there is one; otherwise the person decides.
      const isOffline = !(error instanceof ApiRefusal) && this.store.getState().connection !== 'live';
      const state = isOffline ? 'waiting' : 'failed';
      this.#update(ticketId, (conversation) => withPending(conversation, { ...message, state }));
    }
  }

  /** One after the other, so that they are stored in the order in which they were written. */
  #sendWaiting(): void {
    for (const [ticketId, { pending }] of this.store.getState().conversations) {
      const waiting = pending.filter(({ state }) => state === 'waiting');
      void waiting.reduce(
        (previous, message) => previous.then(() => this.#send(ticketId, message)),
        Promise.resolve(),
      );
    }
  }

  #markOpenRead(): void {
    const { openTicketId, phase } = this.store.getState();
    const ticket = openTicketId === null ? undefined : this.#ticket(openTicketId);
    if (ticket === undefined || phase !== 'ready' || !this.#isWatching) return;
    const { messages, readUpTo, isLoaded } = this.#conversation(ticket.id);
    const read = Math.max(readUpTo[this.me.id] ?? 0, ticket.readUpTo);
    const unread = messages.filter(({ sequence_number: number }) => number > read);
    const last = unread.at(-1);
    if (!isLoaded || last === undefined) return;
    const others = unread.filter(({ sender_id: senderId }) => senderId !== this.me.id).map(({ id }) => id);
    // The hub tells the others at once; the desk keeps it for whoever loads the page later.
    if (others.length > 0) this.#client?.room(ticket.roomId)?.markRead(others);
    void this.#api.markRead(ticket.id, last.sequence_number).catch(ignoreOffline);
    this.#update(ticket.id, (conversation) => withReceipt(conversation, this.me.id, [last.id]));
    this.#patchTicket(ticket.id, { readUpTo: last.sequence_number });
  }

  // ── State ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #conversation(ticketId: string): Conversation {
    return this.store.getState().conversations.get(ticketId) ?? emptyConversation;
  }

  #update(ticketId: string, change: (conversation: Conversation) => Conversation): void {
    const before = this.#conversation(ticketId);
    const after = change(before);
    if (after === before) return;
    this.store.setState({ conversations: new Map(this.store.getState().conversations).set(ticketId, after) });
  }

  #updateRoom(roomId: string, change: (conversation: Conversation) => Conversation): void {
    const ticket = this.#ticketOfRoom(roomId);
    if (ticket !== undefined) this.#update(ticket.id, change);
  }

  #setRemoteSession(session: RemoteSession): void {
    this.#update(session.ticketId, (conversation) => ({
      ...conversation,
      remoteSession: session.state === 'ended' ? null : session,
    }));
  }

  #ticket(ticketId: string): Ticket | undefined {
    return this.store.getState().tickets.find(({ id }) => id === ticketId);
  }

  #ticketOfRoom(roomId: string): Ticket | undefined {
    return this.store.getState().tickets.find((ticket) => ticket.roomId === roomId);
  }

  #updateTicket(ticket: Ticket): void {
    const { tickets } = this.store.getState();
    const others = tickets.filter(({ id }) => id !== ticket.id);
    // What was read a moment ago, the answer may not know yet.
    const readUpTo = Math.max(this.#ticket(ticket.id)?.readUpTo ?? 0, ticket.readUpTo);
    this.store.setState({ tickets: inOrder([...others, { ...ticket, readUpTo }]) });
  }

  #patchTicket(ticketId: string, change: Partial<Ticket>): void {
    const { tickets } = this.store.getState();
    this.store.setState({
      tickets: tickets.map((each) => (each.id === ticketId ? { ...each, ...change } : each)),
    });
  }

  #noteLastMessage(message: Message): void {
    const ticket = this.#ticket(message.request_id);
    if (ticket === undefined) return;
    if ((ticket.lastMessage?.sequence_number ?? 0) >= message.sequence_number) return;
    const isOwn = message.sender_id === this.me.id;
    this.#updateTicket({
      ...ticket,
      lastMessage: message,
      readUpTo: isOwn ? message.sequence_number : ticket.readUpTo,
    });
  }
}

function inOrder(tickets: readonly Ticket[]): readonly Ticket[] {
  const timeOf = ({ lastMessage, createdAt }: Ticket): string => lastMessage?.created_at ?? createdAt;
  return tickets.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)));
}

/** Those wait on purpose before they are published: their time says nothing about delivery. */
function isCoalesced({ event_type: type }: DeliveredEvent): boolean {
  return type === 'typing_start' || type === 'typing_stop' || type === 'read_receipt';
}

/** Shown as the state of the connection; what was missed is loaded when it is back. */
function ignoreOffline(error: unknown): void {
  console.debug(error);
}
