// The conversation: days, messages, ticks, who is typing. It stays at its end while the reader is there.
import { UnstyledButton } from '@mantine/core';
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Message, Ticket } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';
import type { Conversation } from '../desk/conversation.js';
import { OwnPending, StoredMessage } from './message.js';
import { dayName } from './times.js';
import { useDesk } from './use-desk.js';

/** Consecutive messages of one sender stand together unless this much time lies between them. */
const groupGapMs = 5 * 60_000;
/** Nearer to the end than this, the reader is at the end. */
const endZonePx = 48;

/** A conversation. */
export function ChatView({ ticket, conversation }: { readonly ticket: Ticket; readonly conversation: Conversation }) {
  const { desk, state } = useDesk();
  const { messages, pending, readUpTo, hasEarlier } = conversation;
  const { scroller, onScroll, unseen, toEnd } = useStayAtEnd(messages.length + pending.length);
  const typists = (state.typing.get(ticket.id) ?? []).map(({ username }) => username);
  return (
    <div className="chat">
      <section
        className="chat-scroll"
        ref={scroller}
        onScroll={onScroll}
        aria-label={texts.chat.label(ticket.subject)}
        // A region that scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
      >
        {hasEarlier && (
          <UnstyledButton className="earlier" onClick={() => void desk.loadEarlier(ticket.id)}>
            {texts.chat.earlier}
          </UnstyledButton>
        )}
        <ol>
          {messages.map((message, index) => {
            const previous = messages[index - 1];
            const day = dayName(message.created_at);
            const isNewDay = previous === undefined || dayName(previous.created_at) !== day;
            return (
              <Fragment key={message.id}>
                {isNewDay && <li className="day">{day}</li>}
                <StoredMessage
                  message={message}
                  begins={isNewDay || !belongsTo(previous, message)}
                  readers={readersOf(message, readUpTo, desk.me.id)
                    .map((id) => desk.people.get(id)?.fullName ?? '')
                    .join(', ')}
                />
              </Fragment>
            );
          })}
          {pending.map((message) => (
            <OwnPending key={message.clientTempId} ticketId={ticket.id} message={message} />
          ))}
        </ol>
        <div className="typing" data-testid="typing">
          {typists.length > 0 && (
            <>
              <span className="typing-dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              {texts.chat.isTyping(typists)}
            </>
          )}
        </div>
      </section>
      {unseen > 0 && (
        <UnstyledButton className="new-messages" onClick={toEnd}>
          {texts.chat.newMessages(unseen)}
        </UnstyledButton>
      )}
    </div>
  );
}

function belongsTo(previous: Message | undefined, message: Message): boolean {
  if (previous === undefined || previous.sender_id !== message.sender_id) return false;
  return Date.parse(message.created_at) - Date.parse(previous.created_at) < groupGapMs;
}

function readersOf(message: Message, readUpTo: Conversation['readUpTo'], ownId: string): readonly string[] {
  return Object.entries(readUpTo)
    .filter(([personId, read]) => personId !== ownId && read >= message.sequence_number)
    .map(([personId]) => personId);
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
