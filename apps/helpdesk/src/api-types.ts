// What the helpdesk's API and its pages say to each other. Types and plain constants only: pages import this file.
import type { eventCatalog, PayloadOf } from '@millrace/contract';

/** What a person does at the desk. */
export type Role = 'agent' | 'requester';

/** Somebody at the desk, as everybody may see them. */
export interface Person {
  readonly id: string;
  readonly role: Role;
  readonly fullName: string;
  readonly username: string;
  /** Job or company. */
  readonly title: string;
}

/** The states of a ticket, in the order of their life. */
export const ticketStatuses = ['open', 'in_progress', 'waiting', 'solved'] as const;

/** One of {@link ticketStatuses}. */
export type TicketStatus = (typeof ticketStatuses)[number];

/** A message is the payload of `chat_message`: what is loaded and what arrives live are the same thing. */
export type Message = PayloadOf<typeof eventCatalog, 'chat_message'>;

/** A ticket as lists show it. */
export interface Ticket {
  readonly id: string;
  /** What people call it: #1042. */
  readonly number: number;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly requesterId: string;
  readonly assigneeId: string | null;
  /** The room of its events. */
  readonly roomId: string;
  readonly createdAt: string;
  readonly lastMessage: Message | null;
  /** How far the asking person has read. 0: nothing. */
  readonly readUpTo: number;
}

/** The life of a remote session: invited → active → ended; or invited → ended. */
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

/** Whether the agent sees only, or also controls. */
export type RemoteSessionMode = 'view' | 'control';

/** What can be done with a remote session. */
export type RemoteSessionAction = 'accept' | 'decline' | 'end';

/** One line under the bell. */
export interface Notification {
  readonly id: string;
  readonly kind: NotificationKind;
  readonly title: string;
  readonly body: string;
  /** Ticket it leads to. */
  readonly ticketId: string | null;
  readonly createdAt: string;
  readonly isRead: boolean;
}

/** What a notification is about; `type` of the event's payload. */
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
  /** For the gateway's hub. */
  readonly accessToken: string;
}

/** Answer to `GET /api/tickets`: newest news first. */
export interface TicketsAnswer {
  readonly tickets: readonly Ticket[];
}

/** Answer to `GET /api/tickets/:id`. */
export interface ConversationAnswer {
  readonly ticket: Ticket;
  /** In order; at most {@link maxMessagesPerAnswer}. */
  readonly messages: readonly Message[];
  /** With `after`: there are newer ones. Otherwise: there are older ones. */
  readonly hasMore: boolean;
  /** How far each person has read, by person. */
  readonly readUpTo: Readonly<Record<string, number>>;
  /** The one that is not over. */
  readonly remoteSession: RemoteSession | null;
}

/** Most messages in one answer. */
export const maxMessagesPerAnswer = 200;

/** Longest message, in characters. */
export const maxMessageLength = 4_000;

/** Answer to whatever changes one thing. */
export interface MessageAnswer {
  readonly message: Message;
}

/** Answer to `POST /api/tickets`. */
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

/** Every refusal. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
}
