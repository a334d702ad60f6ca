// The answers of the helpdesk's API, and what the server and the pages both need. The pages import this file, so it imports nothing
// that runs.
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

/** Returns the first name of a person. */
export function firstNameOf({ fullName }: Pick<Person, 'fullName'>): string {
  return fullName.split(' ')[0] ?? fullName;
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

/** Sorts tickets: the ticket with the newest message comes first. */
export function newestFirst(tickets: readonly Ticket[]): readonly Ticket[] {
  const timeOf = ({ lastMessage, createdAt }: Ticket): string => lastMessage?.created_at ?? createdAt;
  return tickets.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)));
}

/** A ticket to be created: the body of `POST /api/tickets`. */
export interface NewTicket {
  /** The person whose ticket it is. Agents must name this person. */
  readonly requesterId?: string | undefined;
  readonly subject: string;
  /** The first message of the ticket. */
  readonly content: string;
}

/**
 * A message as it is published: the ticket comes with it, as it is after the message. Every change of a ticket writes a message, so a
 * page that gets the messages knows the tickets.
 */
export type PublishedMessage = Message & {
  /** The last message is this one, and what is read differs from person to person. */
  readonly ticket: Omit<Ticket, 'lastMessage' | 'readUpTo'>;
};

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
}

/** `view`: the agent sees the screen. `control`: the agent sees and controls the screen. */
export type RemoteSessionMode = 'view' | 'control';

/** An action on a remote session. */
export type RemoteSessionAction = 'accept' | 'decline' | 'end';

/** One notification in the list under the bell. */
export interface Notification {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  /** The ticket that the notification opens. */
  readonly ticketId: string | null;
  readonly createdAt: string;
  readonly isRead: boolean;
}

/** Answer to `POST /api/sessions`. */
export interface SignInAnswer {
  /** Sent as `Authorization: Bearer …` with every other call. */
  readonly sessionToken: string;
  readonly person: Person;
  readonly typingExpiryMs: number;
  /** The room of the events that change this person's list of tickets. */
  readonly listRoomId: string;
}

/** Answer to `GET /api/tickets/:id`. */
export interface ConversationAnswer {
  readonly ticket: Ticket;
  /** The messages in the order of their sequence numbers, at most {@link maxMessagesPerAnswer}. */
  readonly messages: readonly Message[];
  /** True if there are more messages: newer ones if the request had `after`, otherwise older ones. */
  readonly hasMore: boolean;
  /** The last sequence number that each person has read, by person ID. */
  readonly readUpToByPerson: Readonly<Record<string, number>>;
  /** The ticket's remote session that has not ended, or null. */
  readonly remoteSession: RemoteSession | null;
}

/** Maximum number of messages in one answer. */
export const maxMessagesPerAnswer = 200;

/** Maximum length of a message, in characters. */
export const maxMessageLength = 4_000;

/** Maximum length of the subject of a ticket, in characters. */
export const maxSubjectLength = 140;

/** Maximum length of the text of a search, in characters. */
export const maxSearchLength = 100;

/** Maximum number of notifications of a person, in the database and on the page. The oldest are dropped first. */
export const maxNotifications = 50;

/** The regular expression of an ID: a UUID in lower case. */
export const idPattern = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** Answer to every request that is refused. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
}
