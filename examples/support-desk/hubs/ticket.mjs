// The hub /hubs/ticket: changes of a ticket, and changes in a user's list of tickets.
import { defineView } from '@millrace/gateway';
import { connected, desktopGroup, disconnected, enter, exit, maxReceiveBytes } from '../desk.mjs';

const ownList = ({ user }) => `user-tickets:${user.userId}`;

export const ticketHub = defineView({
  path: '/hubs/ticket',
  groups: ['ticket', 'user-tickets', desktopGroup],
  sends: {
    status_change: {
      group: 'ticket',
      method: 'TicketUpdated',
      arguments: (event) => [updateOf(event, asWritten(event))],
    },
    assignment_change: {
      group: 'ticket',
      method: 'TicketUpdated',
      arguments: (event, { payload }) => [updateOf(event, payload)],
    },
    ticket_list_update: {
      group: 'user-tickets',
      method: 'TicketListUpdated',
      arguments: ({ event_id: eventId, payload }, { payload: data }) => [
        {
          eventId,
          updateType: payload.update_type ?? 'unknown',
          requestId: payload.request_id ?? null,
          data,
        },
      ],
    },
  },
  methods: {
    SubscribeToTicket: (caller, room) => enter(caller, 'ticket', room, 'TicketSubscribed'),
    UnsubscribeFromTicket: (caller, room) => exit(caller, 'ticket', room, 'TicketUnsubscribed'),
    SubscribeToUserTickets: {
      join: 'user-tickets',
      room: ownList,
      reply: { method: 'UserTicketsSubscribed', arguments: () => [] },
    },
    UnsubscribeFromUserTickets: {
      leave: 'user-tickets',
      room: ownList,
      reply: { method: 'UserTicketsUnsubscribed', arguments: () => [] },
    },
  },
  clientMethods: ['TicketSubscribed', 'TicketUnsubscribed'],
  onConnected: connected,
  onDisconnected: disconnected,
  maxReceiveBytes,
});

function updateOf({ event_id: eventId, room_id: requestId, event_type: eventType }, data) {
  return { eventId, requestId, eventType, data };
}

/** Returns the payload without the members that the intake has filled in. */
function asWritten({ payload, timestamp }) {
  const { old_status, new_status, changed_by, changed_at, ...others } = payload;
  // The backend writes no empty status.
  if (new_status === '') return others;
  const written = { ...others, old_status, new_status, changed_by };
  return changed_at === timestamp ? written : { ...written, changed_at };
}
