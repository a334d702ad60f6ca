// The conversation: days, messages, check marks and active typing. It scrolls with new messages while the reader is at the end.
import { UnstyledButton } from '@mantine/core';
import type { TypingUser } from '@millrace/client';
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Message } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { type Conversation, emptyConversation } from '../../state/conversation.js';
import type { Workspace } from '../../workspace/workspace.js';
import { dayName, isSameDay } from '../times.js';
import { useWorkspace, useWorkspaceState } from '../use-workspace.js';
import { PendingMessageItem, StoredMessage } from './message.js';

/** Maximum time between two messages of one sender that are shown as a group. */
const groupGapMs = 3 * 60_000;
/** Distance from the end, in pixels, within which the reader counts as being at the end. */
const endZonePx = 48;
const noUsers: readonly TypingUser[] = [];

/** The conversation of a ticket. */
export function ConversationView({
  ticketId,
  subject,
}: {
  readonly ticketId: string;
  readonly subject: string;
}) {
  const workspace = useWorkspace();
  const conversation = useWorkspaceState(
    ({ conversations }) => conversations.get(ticketId) ?? emptyConversation,
  );
  const { messages, pending, readUpTo, hasEarlier } = conversation;
  const { scroller, onScroll, unseen, toEnd } = useStayAtEnd(messages.length + pending.length);
  return (
    <div className="conversation">
      <section
        className="conversation-scroll"
        ref={scroller}
        onScroll={onScroll}
        aria-label={texts.chat.label(subject)}
        // A region that scrolls must be in the tab order.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        {hasEarlier && (
          <UnstyledButton className="earlier" onClick={() => void workspace.loadEarlier(ticketId)}>
            {texts.chat.earlier}
          </UnstyledButton>
        )}
        <ol>
          {messages.map((message, index) => {
            const previous = messages[index - 1];
            const next = messages[index + 1];
            const isNewDay = previous === undefined || !isSameDay(previous.created_at, message.created_at);
            const readers = readersOf(message, readUpTo, workspace);
            return (
              <Fragment key={message.id}>
                {isNewDay && <li className="day">{dayName(message.created_at)}</li>}
                <StoredMessage
                  message={message}
                  begins={isNewDay || !belongsTo(previous, message)}
                  ends={!belongsTo(message, next)}
                  // The last message that was read shows its time and check mark too, because the message below it has a different
                  // check mark.
                  hasFoot={
                    !belongsTo(message, next) ||
                    next === undefined ||
                    readersOf(next, readUpTo, workspace) !== readers
                  }
                  readers={readers}
                />
              </Fragment>
            );
          })}
          {pending.map((message) => (
            <PendingMessageItem key={message.clientTempId} ticketId={ticketId} message={message} />
          ))}
        </ol>
        <Typing ticketId={ticketId} />
      </section>
      {unseen > 0 && (
        <UnstyledButton className="new-messages" onClick={toEnd}>
          {texts.chat.newMessages(unseen)}
        </UnstyledButton>
      )}
    </div>
  );
}

function Typing({ ticketId }: { readonly ticketId: string }) {
  const users = useWorkspaceState(({ typing }) => typing.get(ticketId) ?? noUsers);
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

function belongsTo(message: Message | undefined, next: Message | undefined): boolean {
  if (message === undefined || next === undefined || message.sender_id !== next.sender_id) return false;
  return Date.parse(next.created_at) - Date.parse(message.created_at) < groupGapMs;
}

/** Returns the names of the other people who have read a message. */
function readersOf(message: Message, readUpTo: Conversation['readUpTo'], { me, people }: Workspace): string {
  return Object.entries(readUpTo)
    .filter(([personId, read]) => personId !== me.id && read >= message.sequence_number)
    .map(([personId]) => people.get(personId)?.fullName ?? '')
    .join(', ');
}

/** Scrolls to the end with each new message while the reader is at the end. Otherwise counts the new messages below. */
function useStayAtEnd(count: number) {
  const scroller = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const countAtEnd = useRef(count);
  const [unseen, setUnseen] = useState(0);

  const toEnd = (): void => {
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };

  useLayoutEffect(() => {
    if (isAtEnd.current) {
      countAtEnd.current = count;
      toEnd();
    }
    setUnseen(isAtEnd.current ? 0 : Math.max(0, count - countAtEnd.current));
  }, [count]);

  // The region is resized when a report or an invitation appears.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) toEnd();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < endZonePx;
    if (!isAtEnd.current) return;
    countAtEnd.current = count;
    setUnseen(0);
  };

  return { scroller, onScroll, unseen, toEnd };
}
