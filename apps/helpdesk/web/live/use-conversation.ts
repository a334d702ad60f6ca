// The open ticket: its room, its conversation, and the marks of what the person has read.
import { useRoom, useRoomState } from '@millrace/react';
import { useCallback, useEffect, useRef } from 'react';
import { maxMessagesPerAnswer, type Ticket } from '../../src/api-types.js';
import {
  type Conversation,
  lastSequenceNumber,
  loadConversation,
  reduceConversation,
} from './conversation.js';
import { ApiRefusal, type HelpdeskApi } from './helpdesk-api.js';
import { type Answer, useAnswer } from './use-answer.js';
import { useSession } from './use-session.js';
import { whenDown } from './use-tickets.js';

/** Statuses for an ID that belongs to no ticket: an unknown ID, an ID that is too long, and a text that is not an ID. */
const missingStatuses: ReadonlySet<number> = new Set([404, 414, 422]);

/** The room of a ticket, or `missing` if this person has no such ticket. */
type TicketRoom = { readonly id: string } | 'missing';

/** Returns the room of a ticket. A ticket that is not in the list, for example an old one, is looked up. */
export function useTicketRoom(
  ticketId: string | null,
  tickets: readonly Ticket[],
): Answer<TicketRoom | null> {
  const { api } = useSession();
  const listed = tickets.find(({ id }) => id === ticketId)?.roomId;
  const unknownId = listed === undefined ? ticketId : null;
  const lookUp = useCallback(
    async () => (unknownId === null ? null : findRoom(api, unknownId)),
    [api, unknownId],
  );
  const answer = useAnswer(lookUp);
  return listed === undefined ? answer : { ...answer, value: { id: listed } };
}

async function findRoom(api: HelpdeskApi, ticketId: string): Promise<TicketRoom> {
  try {
    return { id: (await api.conversation(ticketId)).ticket.roomId };
  } catch (error) {
    if (error instanceof ApiRefusal && missingStatuses.has(error.status)) return 'missing';
    throw error;
  }
}

/** Returns the conversation of a ticket, kept up to date, and a function that loads its earlier messages. */
export function useConversation(ticketId: string, roomId: string) {
  const { api } = useSession();
  /** The page shows the messages after this sequence number. Before the first load, it is undefined. */
  const after = useRef<number | undefined>(undefined);
  const loadAfter = async () => {
    const loaded = await loadConversation(api, ticketId, after.current);
    // Every later load begins at the same message, so that no message on the page disappears.
    after.current ??= (loaded.state.messages[0]?.sequence_number ?? 1) - 1;
    return loaded;
  };
  const load = useRoomState<Conversation>(roomId, loadAfter, {
    reduce: reduceConversation,
    whenDown,
    maxReloadDelayMs: 1_000,
  });
  const first = load.state?.messages[0]?.sequence_number ?? 1;
  const loadEarlier = (): void => {
    after.current = Math.max(0, first - 1 - maxMessagesPerAnswer);
    load.reload();
  };
  return { ...load, hasEarlier: first > 1, loadEarlier };
}

/**
 * Marks the messages of a conversation as read while the person can see them.
 *
 * @param isCurrent true while there is a connection. When it becomes true, marks that failed are made again
 */
export function useReadMarks(
  { ticket, messages }: Conversation,
  { isVisible, isCurrent }: { readonly isVisible: boolean; readonly isCurrent: boolean },
): void {
  const { api, me, readHere } = useSession();
  const { room } = useRoom(ticket.roomId);
  const last = lastSequenceNumber(messages);
  useEffect(() => {
    // A receipt from the hub does not count, because it does not say that the database has the position.
    const known = Math.max(ticket.readUpTo, readHere.getState()[ticket.id] ?? 0);
    if (!isVisible || room === undefined || last <= known) return;
    const unread = messages.filter(
      ({ sequence_number: number, sender_id: senderId }) => number > known && senderId !== me.id,
    );
    // The hub informs other people immediately. The database keeps the read position for pages that are loaded later.
    if (unread.length > 0) room.markRead(unread.map(({ id }) => id));
    readHere.setState({ [ticket.id]: last });
    // Without an answer, the messages count as unread again.
    api.markRead(ticket.id, last).catch(() => readHere.setState({ [ticket.id]: known }));
    // `messages` changes with `last`.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [isVisible, isCurrent, last, ticket.id, room]);
}
