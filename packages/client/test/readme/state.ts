import { type Client, createClient } from '@millrace/client';

export function state(url: string, show: (text: string) => void): Client {
  // #region
  const client = createClient({ url });

  client.onStateChange(({ state, cause }) => show(cause ? `${state}: ${cause.message}` : state));
  client.onJoin((roomId, { isRejoin, replayed }) => {
    if (isRejoin) show(`back in ${roomId}, ${replayed} events replayed`);
  });
  client.onError((error) => console.error(error.code, error.message));
  // #endregion
  return client;
}
