// The tickets of a person, kept up to date.
import { useRoomState } from '@millrace/react';
import type { Ticket } from '../../src/api-types.js';
import { reduceTickets } from './tickets.js';
import { useSession } from './use-session.js';

/**
 * Makes a page without the gateway's hub ask the API for its lists and its conversation: after 10 s, and then about every 5 s. This
 * helps where the API is still reachable. The demo's API is served by the gateway itself, so there it helps if only the hub fails.
 */
export const whenDown = { afterMs: 10_000, pollMs: 5_000 };

/** Returns the tickets of the person to whom this view belongs. */
export function useTickets() {
  const { api, me, listRoomId } = useSession();
  return useRoomState<readonly Ticket[]>(listRoomId, () => api.tickets(), {
    reduce: (tickets, event) => reduceTickets(tickets, event, me.id),
    whenDown,
  });
}
