// Requests and answers of the helpdesk's API. Types and plain constants only, because the pages import this file.
import type { eventCatalog, PayloadOf } from '@millrace/contract';

/** A person's role at the helpdesk. */
export type Role = 'agent' | 'requester';

/** A person at the helpdesk, with the fields that everybody may see. */
export interface Person {
  readonly id: string;
  readonly role: Role;
  readonly fullName: string;
  readonly username: string;
  /** Job or company. */
  readonly title: string;
}

/** The states of a ticket, from its opening to its end. */
export const ticketStatuses = ['open', 'in_progress', 'waiting', 'solved'] as const;

/** One of {@link ticketStatuses}. */
export type TicketStatus = (typeof ticketStatuses)[number];

/** A message: the payload of `chat_message`. Loaded messages and live messages have the same form. */
export type Message = PayloadOf<typeof eventCatalog, 'chat_message'>;

/** A ticket, with the fields that lists of tickets show. */
export interface Ticket {
  readonly id: string;
  /** The number that people use, for example #1042. */
  readonly number: number;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly requesterId: string;
  readonly assigneeId: string | null;
  /** The room of the ticket's events. */
  readonly roomId: string;
  readonly createdAt: string;
  readonly lastMessage: Message | null;
  /** The last sequence number that the caller has read, or 0 if the caller has read none. */
  readonly readUpTo: number;
}

/** The states of a remote session: invited → active → ended, or invited → ended. */
export type RemoteSessionState = 'invited' | 'active' | 'ended';

/** A remote session of a ticket. */
export interface RemoteSession {
  readonly id: string;
  readonly ticketId: string;
  readonly agentId: string;
  readonly requesterId: string;
  readonly mode: RemoteSessionMode;
  readonly state: RemoteSessionState;
  readonly startedAt: string | null;
}

/** `view`: the agent sees the screen. `control`: the agent sees and controls the screen. */
export type RemoteSessionMode = 'view' | 'control';

/** An action on a remote session. */
export type RemoteSessionAction = 'accept' | 'decline' | 'end';

/** One notification in the list under the bell. */
export interface Notification {
  readonly id: string;
  readonly kind: NotificationKind;
  readonly title: string;
  readonly body: string;
  /** The ticket that the notification opens. */
  readonly ticketId: string | null;
  readonly createdAt: string;
  readonly isRead: boolean;
}

/** The reason for a notification. It is the `type` in the event's payload. */
export type NotificationKind =
  | 'ticket_created'
  | 'ticket_received'
  | 'ticket_assigned'
  | 'status_changed'
  | 'remote_session_invite';

/** Answer to `GET /api/people`. */
export interface PeopleAnswer {
  readonly people: readonly Person[];
}

/** Answer to `POST /api/sessions`. */
export interface SessionAnswer {
  /** Sent as `Authorization: Bearer …` with every other call. */
  readonly sessionToken: string;
  readonly person: Person;
  readonly typingExpiryMs: number;
}

/** Answer to `POST /api/tokens`. */
export interface TokenAnswer {
  /** The token for the gateway's hub. */
  readonly accessToken: string;
}

/** Answer to `GET /api/tickets`: the ticket with the newest message first. */
export interface TicketsAnswer {
  readonly tickets: readonly Ticket[];
}

/** Answer to `GET /api/tickets/:id`. */
export interface ConversationAnswer {
  readonly ticket: Ticket;
  /** The messages in the order of their sequence numbers, at most {@link maxMessagesPerAnswer}. */
  readonly messages: readonly Message[];
  /**
   * True if there are more messages. These are newer messages if the request had `after`, and otherwise older
   * messages.
   */
  readonly hasMore: boolean;
  /** The last sequence number that each person has read, by person ID. */
  readonly readUpTo: Readonly<Record<string, number>>;
  /** The ticket's remote session that has not ended, or null. */
  readonly remoteSession: RemoteSession | null;
}

/** Maximum number of messages in one answer. */
export const maxMessagesPerAnswer = 200;

/** Maximum length of a message, in characters. */
export const maxMessageLength = 4_000;

/** Answer to `POST /api/tickets/:id/messages`. */
export interface MessageAnswer {
  readonly message: Message;
}

/** Answer to `POST /api/tickets` and to changes of a ticket. */
export interface TicketAnswer {
  readonly ticket: Ticket;
}

/** Answer to the calls about remote sessions. */
export interface RemoteSessionAnswer {
  readonly remoteSession: RemoteSession;
}

/** Answer to `GET /api/notifications`: newest first. */
export interface NotificationsAnswer {
  readonly notifications: readonly Notification[];
}

/** Answer to every request that is refused. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
}
