// Calls the helpdesk's API as one person.
import type {
  ConversationAnswer,
  ErrorAnswer,
  Message,
  NewTicket,
  Notification,
  Person,
  RemoteSession,
  RemoteSessionAction,
  RemoteSessionMode,
  SignInAnswer,
  Ticket,
  TicketStatus,
} from '../../src/api-types.js';
import type { NetworkLink } from '../connection-trial/network-link.js';

/** The error for a request that the helpdesk refused. Any other error means that no answer arrived. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Loads the people who can sign in. */
export async function loadPeople(): Promise<readonly Person[]> {
  const response = await fetch('/api/people');
  if (!response.ok) throw new ApiRefusal(response.status, response.statusText);
  return (await response.json()) as readonly Person[];
}

/** Calls the API as one person, through that person's network link. */
export class HelpdeskApi {
  readonly #link: NetworkLink;
  readonly #personId: string;
  #signedIn: SignInAnswer | undefined;

  constructor(link: NetworkLink, personId: string) {
    this.#link = link;
    this.#personId = personId;
  }

  /** Starts a session, or continues the session from before a reload of the page. */
  async signIn(): Promise<SignInAnswer> {
    const stored = sessionStorage.getItem(this.#storageKey);
    this.#signedIn =
      stored === null
        ? await this.#call<SignInAnswer>('POST', '/sessions', { personId: this.#personId })
        : (JSON.parse(stored) as SignInAnswer);
    sessionStorage.setItem(this.#storageKey, JSON.stringify(this.#signedIn));
    return this.#signedIn;
  }

  /** Requests a token for the gateway's hub. Every connection uses a new token. */
  async accessToken(): Promise<string> {
    return (await this.#call<{ readonly accessToken: string }>('POST', '/tokens')).accessToken;
  }

  tickets(): Promise<readonly Ticket[]> {
    return this.#call('GET', '/tickets');
  }

  /** Returns a ticket with its first messages after a sequence number, or with its newest messages. */
  conversation(ticketId: string, after?: number): Promise<ConversationAnswer> {
    // The ID is encoded, because it may come from an address that was typed by hand.
    const path = `/tickets/${encodeURIComponent(ticketId)}`;
    return this.#call('GET', after === undefined ? path : `${path}?after=${after}`);
  }

  /** Returns the tickets that contain every word of a text. */
  search(text: string): Promise<readonly Ticket[]> {
    return this.#call('GET', `/tickets?search=${encodeURIComponent(text)}`);
  }

  /** Creates a ticket. Agents name its requester. */
  createTicket(ticket: NewTicket): Promise<Ticket> {
    return this.#call('POST', '/tickets', ticket);
  }

  sendMessage(ticketId: string, content: string, clientTempId: string): Promise<Message> {
    return this.#call('POST', `/tickets/${ticketId}/messages`, { content, clientTempId });
  }

  async markRead(ticketId: string, sequenceNumber: number): Promise<void> {
    await this.#call('PUT', `/tickets/${ticketId}/read`, { sequenceNumber });
  }

  setStatus(ticketId: string, status: TicketStatus): Promise<Ticket> {
    return this.#call('PUT', `/tickets/${ticketId}/status`, { status });
  }

  assign(ticketId: string, assigneeId: string | null): Promise<Ticket> {
    return this.#call('PUT', `/tickets/${ticketId}/assignee`, { assigneeId });
  }

  invite(ticketId: string, mode: RemoteSessionMode): Promise<RemoteSession> {
    return this.#call('POST', `/tickets/${ticketId}/remote-sessions`, { mode });
  }

  actOnRemoteSession(id: string, action: RemoteSessionAction): Promise<RemoteSession> {
    return this.#call('PUT', `/remote-sessions/${id}`, { action });
  }

  notifications(): Promise<readonly Notification[]> {
    return this.#call('GET', '/notifications');
  }

  async markNotificationsRead(): Promise<void> {
    await this.#call('PUT', '/notifications/read');
  }

  /** The key of the stored session. The number counts the forms that {@link SignInAnswer} has had. */
  get #storageKey(): string {
    return `weir.session.2.${this.#personId}`;
  }

  /** Calls the API. If the session is unknown, signs in again and repeats the call once. The database may be new. */
  async #call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    try {
      return await this.#callOnce(method, path, body);
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 401 || path === '/sessions') throw error;
      sessionStorage.removeItem(this.#storageKey);
      await this.signIn();
      return this.#callOnce(method, path, body);
    }
  }

  async #callOnce<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await this.#link.fetch(`/api${path}`, {
      method,
      headers: {
        ...(this.#signedIn === undefined ? {} : { authorization: `Bearer ${this.#signedIn.sessionToken}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as Answer;
    const { message } = (await response
      .json()
      .catch(() => ({ message: response.statusText }))) as ErrorAnswer;
    throw new ApiRefusal(response.status, message);
  }
}
