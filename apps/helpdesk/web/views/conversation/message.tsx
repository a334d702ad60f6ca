// One message: stored, or pending.
import { UnstyledButton } from '@mantine/core';
import { CheckCheckIcon, CheckIcon, ClockIcon, ImageIcon } from 'lucide-react';
import { memo } from 'react';
import type { Message } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import type { OutgoingMessage } from '../../live/outgoing-messages.js';
import { useSession } from '../../live/use-session.js';
import { Avatar } from '../avatar.js';
import { clockTime } from '../times.js';

/** A stored message. `readers` is a comma-separated list of names. */
export const StoredMessage = memo(function StoredMessage(props: {
  readonly message: Message;
  /** True for the first message in a group of messages of one sender. */
  readonly begins: boolean;
  /** True for the last message in a group of messages of one sender. The time and the check mark are shown below it. */
  readonly ends: boolean;
  readonly readers: string;
}) {
  const { message, begins, ends, readers } = props;
  const { me, people } = useSession();
  const { sender_id: senderId, content } = message;
  const id = { 'data-message-id': message.id, 'data-sequence': message.sequence_number };
  if (typeof senderId !== 'string') {
    return (
      <li className="system" {...id}>
        {content} · {clockTime(message.created_at)}
      </li>
    );
  }
  const isOwn = senderId === me.id;
  const sender = people.get(senderId);
  const name = message.sender?.full_name ?? sender?.fullName ?? '';
  return (
    <li
      className={`message${begins ? ' begins' : ''}${isOwn ? ' is-own' : ''}`}
      data-tick={isOwn ? (readers === '' ? 'sent' : 'read') : undefined}
      {...id}
    >
      {!isOwn && begins && <span className="message-name">{name}</span>}
      {!isOwn && (ends && sender !== undefined ? <Avatar person={sender} /> : <span />)}
      <div className="bubble">
        {message.is_screenshot && <ImageIcon role="img" aria-label={texts.list.screenshot} />}
        {content}
      </div>
      {ends && (
        <div className="message-foot">
          <time dateTime={message.created_at}>{clockTime(message.created_at)}</time>
          {isOwn && <Tick readers={readers} />}
        </div>
      )}
    </li>
  );
});

function Tick({ readers }: { readonly readers: string }) {
  const label = readers === '' ? texts.chat.sent : texts.chat.readBy(readers);
  return (
    <span className={readers === '' ? 'tick' : 'tick is-read'} role="img" aria-label={label} title={label}>
      {readers === '' ? <CheckIcon /> : <CheckCheckIcon />}
    </span>
  );
}

/** A message of this person that the helpdesk has not yet confirmed as stored. */
export function PendingMessageItem({ message }: { readonly message: OutgoingMessage }) {
  const { outgoing } = useSession();
  const { state, content } = message;
  return (
    <li
      className={`message is-own begins is-pending${state === 'failed' ? ' is-failed' : ''}`}
      data-pending={state}
      data-client-temp-id={message.clientTempId}
    >
      <div className="bubble">{content}</div>
      <div className="message-foot">
        {state === 'failed' ? (
          <>
            <span className="message-problem">{texts.chat.failed}</span>
            <UnstyledButton className="retry" onClick={() => void outgoing.send(message)}>
              {texts.chat.retry}
            </UnstyledButton>
          </>
        ) : (
          <>
            {texts.chat[state === 'stored' ? 'sent' : state]}
            {state === 'stored' ? <CheckIcon /> : <ClockIcon />}
          </>
        )}
      </div>
    </li>
  );
}
