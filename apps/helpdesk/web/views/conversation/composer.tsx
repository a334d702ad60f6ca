// The input field for new messages. Enter sends the message. Each keystroke reports that the person is typing, and a pause ends the
// typing.
import { ActionIcon } from '@mantine/core';
import { ArrowUpIcon } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { maxMessageLength } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useWorkspace } from '../use-workspace.js';

/** Time without a keystroke after which typing ends. */
const silenceMs = 3_000;

/** The field and the send button. */
export function Composer({ ticketId }: { readonly ticketId: string }) {
  const workspace = useWorkspace();
  const [content, setContent] = useState('');
  const typing = useTyping(ticketId);
  const isEmpty = content.trim() === '';

  const write = (text: string): void => {
    setContent(text);
    typing.changed(text.trim() !== '');
  };
  const send = (): void => {
    if (isEmpty) return;
    setContent('');
    // No typing event is needed, because the message ends the sender's typing at the gateways.
    typing.forget();
    void workspace.send(ticketId, content.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes text, Enter confirms this text.
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
          onBlur={() => typing.changed(false)}
        />
        <ActionIcon type="submit" size="lg" radius={11} aria-label={texts.chat.send} disabled={isEmpty}>
          <ArrowUpIcon />
        </ActionIcon>
      </div>
    </form>
  );
}

function useTyping(ticketId: string) {
  const workspace = useWorkspace();
  const silence = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isTyping = useRef(false);

  const forget = (): void => {
    clearTimeout(silence.current);
    isTyping.current = false;
  };
  const stop = (): void => {
    if (isTyping.current) workspace.setTyping(ticketId, false);
    forget();
  };
  const changed = (isTypingNow: boolean): void => {
    if (!isTypingNow) {
      stop();
      return;
    }
    clearTimeout(silence.current);
    isTyping.current = true;
    workspace.setTyping(ticketId, true);
    silence.current = setTimeout(stop, silenceMs);
  };
  // When another ticket is opened, typing in this ticket ends.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  useEffect(() => stop, []);
  return { changed, forget };
}
