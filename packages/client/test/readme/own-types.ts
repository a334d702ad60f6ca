import { type BuiltIn, createClient, type PayloadsOf } from '@millrace/client';

export async function ownTypes(url: string, onOrder: (id: string) => void): Promise<() => Promise<void>> {
  // #region
  type MyEvents = PayloadsOf<BuiltIn> & { order_placed: { id: string; items: number } };

  const client = createClient<MyEvents>({ url });
  client.on('order_placed', ({ payload }) => onOrder(payload.id));
  client.on('chat_message', ({ payload }) => console.info(payload.content));
  // #endregion
  await client.connect();
  await client.join('shop').joined;
  return () => client.close();
}
