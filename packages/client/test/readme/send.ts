import { createClient } from '@millrace/client';

export async function send(
  url: string,
  fetchToken: () => Promise<string>,
  readIds: string[],
): Promise<() => Promise<void>> {
  // #region
  const client = createClient({ url, accessToken: () => fetchToken() });
  await client.connect();

  const room = client.join('ticket-42');
  await room.joined; // rejects when the token does not open the room

  room.sendTyping(true); // call it with every keystroke
  room.markRead(readIds); // kept while offline
  // #endregion
  return () => client.close();
}
