import { type Client, createClient } from '@millrace/client';

export async function receive(url: string): Promise<{ client: Client; lines: string[] }> {
  const lines: string[] = [];
  const show = (line: string): number => lines.push(line);
  // #region
  const client = createClient({ url });

  const room = client.join('ticket-42');
  room.on('chat_message', ({ payload }) =>
    show(`${payload.sender?.username ?? 'system'}: ${payload.content}`),
  );
  room.onTypingChange((users) => show(`typing: ${users.map((user) => user.username).join(', ')}`));
  room.onResync(() => show('load the conversation again'));

  await client.connect();
  // #endregion
  await room.joined;
  return { client, lines };
}
