import { createClient } from '@millrace/client';

export function members(url: string, show: (text: string) => void): () => Promise<void> {
  // #region
  const client = createClient({ url });
  const room = client.join('ticket-42');
  room.onMembers(({ users, list }) => {
    const names = list.map(({ username, state }) => `${username} ${String(state)}`);
    show(`${users} here: ${names.join(', ')}`);
  });
  room.setPresence('viewing'); // any JSON up to 1 KiB
  // #endregion
  void client.connect();
  return () => client.close();
}
