// Calls the helpdesk's API as one person.
import type {
  ConversationAnswer,
  ErrorAnswer,
  MessageAnswer,
  NotificationsAnswer,
  PeopleAnswer,
  Person,
  RemoteSessionAction,
  RemoteSessionAnswer,
  RemoteSessionMode,
  SessionAnswer,
  TicketAnswer,
  TicketStatus,
  TicketsAnswer,
  TokenAnswer,
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
  return ((await response.json()) as PeopleAnswer).people;
}

/** Calls the API as one person, through that person's network link. */
export class HelpdeskApi {
  readonly #link: NetworkLink;
  readonly #personId: string;
  #session: SessionAnswer | undefined;

  constructor(link: NetworkLink, personId: string) {
    this.#link = link;
    this.#personId = personId;
  }

  /** Starts a session, or continues the session from before a reload of the page. */
  async signIn(): Promise<SessionAnswer> {
    const key = `weir.session.${this.#personId}`;
    const stored = sessionStorage.getItem(key);
    this.#session =
      stored === null
        ? await this.#call<SessionAnswer>('POST', '/sessions', { personId: this.#personId })
        : (JSON.parse(stored) as SessionAnswer);
    sessionStorage.setItem(key, JSON.stringify(this.#session));
    return this.#session;
  }

  /** Requests a token for the gateway's hub. Every connection uses a new token. */
  async accessToken(): Promise<string> {
    return (await this.#call<TokenAnswer>('POST', '/tokens')).accessToken;
  }

  tickets(): Promise<TicketsAnswer> {
    return this.#call('GET', '/tickets');
  }

  conversation(
    ticketId: string,
    range: { after?: number; before?: number } = {},
  ): Promise<ConversationAnswer> {
    const query = Object.entries(range).map(([name, value]) => `${name}=${value}`);
    // The ID is encoded, because it may come from an address that was typed by hand.
    const path = `/tickets/${encodeURIComponent(ticketId)}`;
    return this.#call('GET', `${path}${query.length === 0 ? '' : `?${query.join('&')}`}`);
  }

  createTicket(subject: string, content: string): Promise<TicketAnswer> {
    return this.#call('POST', '/tickets', { subject, content });
  }

  sendMessage(ticketId: string, content: string, clientTempId: string): Promise<MessageAnswer> {
    return this.#call('POST', `/tickets/${ticketId}/messages`, { content, clientTempId });
  }

  async markRead(ticketId: string, sequenceNumber: number): Promise<void> {
    await this.#call('PUT', `/tickets/${ticketId}/read`, { sequenceNumber });
  }

  setStatus(ticketId: string, status: TicketStatus): Promise<TicketAnswer> {
    return this.#call('PUT', `/tickets/${ticketId}/status`, { status });
  }

  assign(ticketId: string, assigneeId: string | null): Promise<TicketAnswer> {
    return this.#call('PUT', `/tickets/${ticketId}/assignee`, { assigneeId });
  }

  invite(ticketId: string, mode: RemoteSessionMode): Promise<RemoteSessionAnswer> {
    return this.#call('POST', `/tickets/${ticketId}/remote-sessions`, { mode });
  }

  actOnRemoteSession(id: string, action: RemoteSessionAction): Promise<RemoteSessionAnswer> {
    return this.#call('PUT', `/remote-sessions/${id}`, { action });
  }

  notifications(): Promise<NotificationsAnswer> {
    return this.#call('GET', '/notifications');
  }

  async markNotificationsRead(): Promise<void> {
    await this.#call('PUT', '/notifications/read');
  }

  /** Calls the API. If the session is unknown, signs in again and repeats the call once, because the database may be new. */
  async #call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    try {
      return await this.#callOnce(method, path, body);
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 401 || path === '/sessions') throw error;
      sessionStorage.removeItem(`weir.session.${this.#personId}`);
      await this.signIn();
      return this.#callOnce(method, path, body);
    }
  }

  async #callOnce<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await this.#link.fetch(`/api${path}`, {
      method,
      headers: {
        ...(this.#session === undefined ? {} : { authorization: `Bearer ${this.#session.sessionToken}` }),
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

/** Ignores the failure of a request while the page is offline. The page loads the data when it is connected again. */
export function ignoreWhileOffline(error: unknown): void {
  console.debug(error);
}
