// The conversation: days, messages, check marks and active typing.
import { UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useEvents, useTyping } from '@millrace/react';
import { Fragment, useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import type { Message } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { Conversation } from '../../live/conversation.js';
import { isIn, type OutgoingMessage } from '../../live/outgoing-messages.js';
import type { PersonSession } from '../../live/person-session.js';
import { useReadMarks } from '../../live/use-conversation.js';
import { useSession } from '../../live/use-session.js';
import { dayName, isSameDay } from '../times.js';
import { PendingMessageItem, StoredMessage } from './message.js';

/** Maximum time between two messages of one sender that are shown as a group. */
const groupGapMs = 3 * 60_000;

/** The conversation of a ticket. */
export function ConversationView(props: {
  readonly conversation: Conversation;
  /** True while the conversation is current. False while it is loaded again, and without a connection. */
  readonly isCurrent: boolean;
  /** True while the person can see the conversation. */
  readonly isVisible: boolean;
  /** Loads earlier messages. Absent if there are none. */
  readonly onEarlier: (() => void) | undefined;
}) {
  const { conversation, isCurrent, isVisible, onEarlier } = props;
  const { ticket, messages, readUpToByPerson } = conversation;
  const session = useSession();
  const pending = usePending(ticket.id, messages);
  useReadMarks(conversation, { isVisible, isCurrent });
  useEffect(() => {
    session.shown = { ticketId: ticket.id, messages, pending, isCurrent };
    return () => {
      session.shown = undefined;
    };
  }, [session, ticket.id, messages, pending, isCurrent]);
  return (
    <div className="conversation">
      <section
        className="conversation-scroll"
        aria-label={texts.chat.label(ticket.subject)}
        // A region that scrolls must be in the tab order.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        {/* The style sheet shows the end of this element first. */}
        <div>
          {onEarlier !== undefined && (
            <UnstyledButton className="earlier" onClick={onEarlier}>
              {texts.chat.earlier}
            </UnstyledButton>
          )}
          <ol>
            {messages.map((message, index) => {
              const previous = messages[index - 1];
              const next = messages[index + 1];
              const isNewDay = previous === undefined || !isSameDay(previous.created_at, message.created_at);
              return (
                <Fragment key={message.id}>
                  {isNewDay && <li className="day">{dayName(message.created_at)}</li>}
                  <StoredMessage
                    message={message}
                    begins={isNewDay || !belongsTo(previous, message)}
                    ends={!belongsTo(message, next)}
                    readers={readersOf(message, readUpToByPerson, session)}
                  />
                </Fragment>
              );
            })}
            {pending.map((message) => (
              <PendingMessageItem key={message.clientTempId} message={message} />
            ))}
          </ol>
          <Typing roomId={ticket.roomId} />
        </div>
      </section>
      <Announcer roomId={ticket.roomId} />
    </div>
  );
}

function Typing({ roomId }: { readonly roomId: string }) {
  const { users } = useTyping(roomId);
  return (
    <div className="typing" data-testid="typing">
      {users.length > 0 && (
        <>
          <span className="typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {texts.chat.isTyping(users.map(({ username }) => username))}
        </>
      )}
    </div>
  );
}

/** Announces new messages of other people to screen readers. */
function Announcer({ roomId }: { readonly roomId: string }) {
  const { me } = useSession();
  const [announcement, setAnnouncement] = useState('');
  useEvents(roomId, 'chat_message', ({ payload: { sender, sender_id: senderId, content } }) => {
    if (senderId === me.id) return;
    const name = sender?.full_name ?? sender?.username;
    setAnnouncement(name === undefined ? content : texts.chat.announced(name, content));
  });
  return <VisuallyHidden aria-live="polite">{announcement}</VisuallyHidden>;
}

/** Returns the person's messages that the conversation does not contain yet. */
function usePending(ticketId: string, messages: readonly Message[]): readonly OutgoingMessage[] {
  const { outgoing } = useSession();
  const all = useStore(outgoing.store);
  useEffect(() => outgoing.confirm(messages), [outgoing, messages]);
  return useMemo(
    () => all.filter((message) => message.ticketId === ticketId && !isIn(messages, message)),
    [all, ticketId, messages],
  );
}

function belongsTo(message: Message | undefined, next: Message | undefined): boolean {
  if (message === undefined || next === undefined || message.sender_id !== next.sender_id) return false;
  return Date.parse(next.created_at) - Date.parse(message.created_at) < groupGapMs;
}

/** Returns the names of the other people who have read a message. */
function readersOf(
  message: Message,
  readUpToByPerson: Conversation['readUpToByPerson'],
  { me, people }: PersonSession,
): string {
  return Object.entries(readUpToByPerson)
    .filter(([personId, read]) => personId !== me.id && read >= message.sequence_number)
    .map(([personId]) => people.get(personId)?.fullName ?? '')
    .join(', ');
}
