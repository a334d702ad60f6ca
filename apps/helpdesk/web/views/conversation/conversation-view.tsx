// The conversation: days, messages, ticks, who is typing. It stays at its end while the reader is there.
import { UnstyledButton } from '@mantine/core';
import type { TypingUser } from '@millrace/client';
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Message } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { type Conversation, emptyConversation } from '../../state/conversation.js';
import type { Desk } from '../../workspace/workspace.js';
import { dayName, isSameDay } from '../times.js';
import { useDesk, useDeskState } from '../use-workspace.js';
import { OwnPending, StoredMessage } from './message.js';

/** Consecutive messages of one sender stand together unless this much time lies between them. */
const groupGapMs = 3 * 60_000;
/** Nearer to the end than this, the reader is at the end. */
const endZonePx = 48;
const nobody: readonly TypingUser[] = [];

/** A conversation. */
export function ChatView({ ticketId, subject }: { readonly ticketId: string; readonly subject: string }) {
  const desk = useDesk();
  const conversation = useDeskState(({ conversations }) => conversations.get(ticketId) ?? emptyConversation);
  const { messages, pending, readUpTo, hasEarlier } = conversation;
  const { scroller, onScroll, unseen, toEnd } = useStayAtEnd(messages.length + pending.length);
  return (
    <div className="chat">
      <section
        className="chat-scroll"
        ref={scroller}
        onScroll={onScroll}
        aria-label={texts.chat.label(subject)}
        // A region that scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        {hasEarlier && (
          <UnstyledButton className="earlier" onClick={() => void desk.loadEarlier(ticketId)}>
            {texts.chat.earlier}
          </UnstyledButton>
        )}
        <ol>
          {messages.map((message, index) => {
            const previous = messages[index - 1];
            const next = messages[index + 1];
            const isNewDay = previous === undefined || !isSameDay(previous.created_at, message.created_at);
            const readers = readersOf(message, readUpTo, desk);
            return (
              <Fragment key={message.id}>
                {isNewDay && <li className="day">{dayName(message.created_at)}</li>}
                <StoredMessage
                  message={message}
                  begins={isNewDay || !belongsTo(previous, message)}
                  ends={!belongsTo(message, next)}
                  // The last that was read, too: the tick changes below it.
                  hasFoot={
                    !belongsTo(message, next) ||
                    next === undefined ||
                    readersOf(next, readUpTo, desk) !== readers
                  }
                  readers={readers}
                />
              </Fragment>
            );
          })}
          {pending.map((message) => (
            <OwnPending key={message.clientTempId} ticketId={ticketId} message={message} />
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
  const users = useDeskState(({ typing }) => typing.get(ticketId) ?? nobody);
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

/** Names of the others who have read a message. */
function readersOf(message: Message, readUpTo: Conversation['readUpTo'], { me, people }: Desk): string {
  return Object.entries(readUpTo)
    .filter(([personId, read]) => personId !== me.id && read >= message.sequence_number)
    .map(([personId]) => people.get(personId)?.fullName ?? '')
    .join(', ');
}

/** Keeps a reader who is at the end at the end; for one who reads above it counts what came in below. */
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

  // The pane changes its size when a report or an invitation appears.
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
