import type { BuiltIn, Client, PayloadsOf } from '@millrace/client';
import { useEvents, useRoom } from '@millrace/react';

export type { Client };

// #region
type MyEvents = PayloadsOf<BuiltIn> & { order_placed: { id: string; items: number } };

export function Orders({ onOrder }: { onOrder: (id: string) => void }) {
  const shop = useRoom<MyEvents>('shop');
  useEvents(shop, 'order_placed', ({ payload }) => onOrder(payload.id));
  return <p>{shop.status}</p>;
}
// #endregion
