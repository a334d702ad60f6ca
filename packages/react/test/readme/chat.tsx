import type { Client } from '@millrace/client';
// #region
import { MillraceProvider, useConnection, useEvents, useTyping } from '@millrace/react';
import { useState } from 'react';

export function App({ client }: { client: Client }) {
  return (
    <MillraceProvider client={client}>
      <Conversation room="ticket-42" />
    </MillraceProvider>
  );
}

function Conversation({ room }: { room: string }) {
  const [lines, setLines] = useState<string[]>([]);
  const { state } = useConnection();
  const { users, sendTyping } = useTyping(room);
  useEvents(room, 'chat_message', ({ payload }) => setLines((shown) => [...shown, payload.content]));
  return (
    <section>
      {state === 'reconnecting' && <p>No connection. Trying again …</p>}
      <ul>
        {lines.map((line, index) => (
          <li key={index}>{line}</li>
        ))}
      </ul>
      <p>{users.map(({ username }) => `${username} is typing`).join(', ')}</p>
      <input onChange={() => sendTyping(true)} />
    </section>
  );
}
// #endregion
