import type { BuiltIn, DeliveredEvent, LoadContext, LoadedState, PayloadsOf } from '@millrace/client';
// #region
import { useRoomState } from '@millrace/react';

export function Messages({ room }: { room: string }) {
  const { status, state = [] } = useRoomState(room, loadMessages, {
    reduce: withEvent,
    whenDown: { pollMs: 15_000 }, // optional: poll the backend while the gateway is unavailable
  });
  return (
    <section>
      {status === 'polling' && <p>No live connection: loaded every 15 seconds.</p>}
      <ul>
        {state.map(({ id, content }) => (
          <li key={id}>{content}</li>
        ))}
      </ul>
    </section>
  );
}

async function loadMessages({ roomId, signal }: LoadContext): Promise<LoadedState<Message[]>> {
  const response = await fetch(`/rooms/${roomId}/messages`, { signal });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json(); // { state: [messages], upTo: { sequence } }
}

function withEvent(messages: Message[], event: DeliveredEvent): Message[] {
  return event.event_type === 'chat_message' ? [...messages, event.payload] : messages;
}
// #endregion

type Message = PayloadsOf<BuiltIn>['chat_message'];
