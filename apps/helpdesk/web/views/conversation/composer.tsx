// Where one writes. Enter sends; every keystroke says that one is typing, and falling silent takes it back.
import { ActionIcon } from '@mantine/core';
import { ArrowUpIcon } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { maxMessageLength } from '../../../src/api-types.js';
import { texts } from '../../../src/texts.js';
import { useDesk } from '../use-workspace.js';

/** Without a keystroke for this long, one is not typing any more. */
const silenceMs = 3_000;

/** The field and its button. */
export function Composer({ ticketId }: { readonly ticketId: string }) {
  const desk = useDesk();
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
    // The message itself ends the typing of its sender.
    typing.forget();
    void desk.send(ticketId, content.trim());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter belongs to it.
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
  const desk = useDesk();
  const silence = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isTyping = useRef(false);

  const forget = (): void => {
    clearTimeout(silence.current);
    isTyping.current = false;
  };
  const stop = (): void => {
    if (isTyping.current) desk.setTyping(ticketId, false);
    forget();
  };
  const changed = (isTypingNow: boolean): void => {
    if (!isTypingNow) {
      stop();
      return;
    }
    clearTimeout(silence.current);
    isTyping.current = true;
    desk.setTyping(ticketId, true);
    silence.current = setTimeout(stop, silenceMs);
  };
  // Another ticket is opened: one does not type in this one any more.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  useEffect(() => stop, []);
  return { changed, forget };
}
