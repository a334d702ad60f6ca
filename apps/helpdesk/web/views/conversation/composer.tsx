// The input field for new messages. Enter sends the message.
import { ActionIcon } from '@mantine/core';
import { useTyping } from '@millrace/react';
import { ArrowUpIcon } from 'lucide-react';
import { type KeyboardEvent, useState } from 'react';
import { maxMessageLength } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useSession } from '../../live/use-session.js';

/**
 * The field and the send button. Each keystroke reports that the person is typing. Other pages end the indicator if no more reports
 * arrive, and the gateway ends it when the message arrives.
 */
export function Composer({ ticketId, roomId }: { readonly ticketId: string; readonly roomId: string }) {
  const { outgoing } = useSession();
  const { sendTyping } = useTyping(roomId);
  const [content, setContent] = useState('');
  const isEmpty = content.trim() === '';

  const write = (text: string): void => {
    setContent(text);
    sendTyping(text.trim() !== '');
  };
  const send = (): void => {
    if (isEmpty) return;
    setContent('');
    void outgoing.write(ticketId, content.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes text, Enter confirms that text.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    }
    if (event.key === 'Escape') write('');
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-box">
        <textarea
          rows={1}
          value={content}
          maxLength={maxMessageLength}
          placeholder={texts.chat.write}
          aria-label={texts.chat.write}
          title={texts.chat.hint}
          onChange={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={() => sendTyping(false)}
        />
        <ActionIcon type="submit" size="lg" radius={11} aria-label={texts.chat.send} disabled={isEmpty}>
          <ArrowUpIcon />
        </ActionIcon>
      </div>
    </form>
  );
}
