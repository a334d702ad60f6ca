// A chat with two rooms: live messages, who is typing, and a notice while the connection is lost.
import type { BuiltIn, PayloadsOf } from '@millrace/client';
import { useConnection, useEvents, useRoom, useTyping } from '@millrace/react';
import { type FormEvent, type ReactElement, useState } from 'react';

type Message = PayloadsOf<BuiltIn>['chat_message'];

const rooms = ['ticket-1', 'ticket-2'];

/** The whole page, inside of a `MillraceProvider`. */
export function Chat(): ReactElement {
  const [open, setOpen] = useState('ticket-1');
  return (
    <main>
      <ConnectionNotice />
      <nav>
        {rooms.map((room) => (
          <button key={room} type="button" aria-pressed={room === open} onClick={() => setOpen(room)}>
            {room}
          </button>
        ))}
      </nav>
      {/* The key empties the conversation when another room is opened. */}
      <Conversation key={open} room={open} />
    </main>
  );
}

function ConnectionNotice(): ReactElement {
  const { state } = useConnection();
  return <p role="status">{state === 'live' ? 'Connected' : 'No connection yet'}</p>;
}

function Conversation({ room }: { readonly room: string }): ReactElement {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const { status, error } = useRoom(room);
  const typing = useTyping(room);
  useEvents(room, 'chat_message', ({ payload }) => setMessages((shown) => [...shown, payload]));

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const text = new FormData(form).get('text');
    form.reset();
    typing.sendTyping(false);
    if (typeof text === 'string') await publish(room, text);
  }

  if (status === 'refused') return <p>{error?.message}</p>;
  return (
    <section aria-label={room} data-status={status}>
      <ol>
        {messages.map(({ id, content }) => (
          <li key={id}>{content}</li>
        ))}
      </ol>
      <p>{typing.users.map(({ username }) => `${username} is typing`).join(', ')}</p>
      <form onSubmit={(event) => void send(event)}>
        <input name="text" aria-label="Message" onChange={() => typing.sendTyping(true)} />
      </form>
    </section>
  );
}

/**
 * Your backend stores a message and publishes it. Here Vite forwards it to the gateway (vite.config.mjs), which accepts it without a key
 * in development mode. A page of another origin cannot publish by itself.
 */
async function publish(room: string, content: string): Promise<void> {
  const payload = {
    id: crypto.randomUUID(),
    request_id: crypto.randomUUID(),
    content,
    sequence_number: Date.now(),
    is_screenshot: false,
    created_at: new Date().toISOString(),
  };
  const response = await fetch('/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ event_type: 'chat_message', room_id: room, payload }),
  });
  if (!response.ok) throw new Error(await response.text());
}
