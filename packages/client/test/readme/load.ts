import { type Client, createClient, type LoadedState } from '@millrace/client';

type Messages = readonly { readonly content: string }[];

export async function load(url: string, backend: string, show: (text: string) => void): Promise<Client> {
  // #region
  const client = createClient({ url });

  const messages = client.join('ticket-42').load(
    async ({ roomId, signal }): Promise<LoadedState<Messages>> => {
      const response = await fetch(`${backend}/rooms/${roomId}/messages`, { signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return response.json(); // { state: [messages], upTo: { sequence } }
    },
    {
      reduce: (state, event) => (event.event_type === 'chat_message' ? [...state, event.payload] : state),
      whenDown: { pollMs: 15_000 }, // optional: poll the backend while the gateway is unavailable
    },
  );
  messages.subscribe(() => {
    const { status, state = [] } = messages.snapshot;
    show(`${status}: ${state.map(({ content }) => content).join(', ')}`);
  });

  await client.connect();
  // #endregion
  return client;
}
