// Tables for the bridge: what the old service does with an entry, and with a call of a client. They need nothing of the gateway.
import { defineHub } from '@millrace/signalr';

const members = [
  'id',
  'requestId',
  'senderId',
  'sender',
  'content',
  'sequenceNumber',
  'isScreenshot',
  'screenshotFileName',
  'isRead',
  'createdAt',
  'updatedAt',
  'clientTempId',
];

/** The backend adds a Z to times that have an offset already. */
const timeOf = (text) => text?.replace(/([+-]\d\d:\d\d)Z$/, '$1');
const withDefaults = (payload) => ({
  isRead: false,
  ...payload,
  createdAt: timeOf(payload.createdAt),
  updatedAt: timeOf(payload.updatedAt),
});
const messageOf = (payload) =>
  Object.fromEntries(members.map((name) => [name, withDefaults(payload)[name] ?? null]));

const toUser = (method) => (room, payload) => [
  ['notification', `notifications:${room}`, method, payload],
  ['chat', `user:${room}`, method, payload],
];
const typing = (room, { user_id: userId, username, is_typing: isTyping }) => [
  ['chat', `request:${room}`, 'TypingIndicator', { requestId: room, userId, username, isTyping }],
];
const ticketUpdate = (room, data, { event_id: eventId, event_type: eventType }) => [
  ['ticket', `ticket:${room}`, 'TicketUpdated', { eventId, requestId: room, eventType, data }],
];

const calls = {
  chat_message: (room, payload) => [['chat', `request:${room}`, 'ReceiveMessage', messageOf(payload)]],
  typing_start: typing,
  typing_stop: typing,
  read_receipt: (room, { user_id: userId, message_ids: messageIds }) => [
    ['chat', `request:${room}`, 'ReadStatusUpdate', { requestId: room, userId, messageIds }],
  ],
  status_change: ticketUpdate,
  assignment_change: ticketUpdate,
  ticket_list_update: (room, data, { event_id: eventId }) => [
    [
      'ticket',
      room,
      'TicketListUpdated',
      { eventId, updateType: data.update_type, requestId: data.request_id, data },
    ],
  ],
  notification: toUser('Notification'),
  remote_session_start: toUser('RemoteSessionAutoStart'),
  remote_session_end: toUser('RemoteSessionEnded'),
};

/** Returns the calls for an entry: hub, group, method and argument. */
export function callsOf(entry) {
  return calls[entry.event_type]?.(entry.room_id, JSON.parse(entry.payload), entry) ?? [];
}

/** Returns true for the ID of a room. The old service ignores calls without one. */
const isRoom = (room) => typeof room === 'string' && room !== '';

/** A method that joins or leaves the group of its argument and replies. */
const change =
  (how, group, reply) =>
  ({ groups, clients }, room) => {
    if (!isRoom(room)) return;
    groups[how](`${group}:${room}`);
    clients.caller.send(reply, room);
  };
/** The same for the group of the user. */
const changeOwn =
  (how, group, reply) =>
  ({ groups, clients, userId }) => {
    groups[how](`${group}:${userId}`);
    clients.caller.send(reply);
  };
/** A method that calls the others in the group of its first argument. */
const tell =
  (group, method, argumentOf) =>
  ({ clients, userId }, room, value) => {
    if (isRoom(room)) clients.othersInGroup(`${group}:${room}`).send(method, argumentOf(room, value, userId));
  };
const signal = (method) =>
  tell('remote-access', method, (sessionId, payload, fromUserId) => ({ sessionId, payload, fromUserId }));
const control = (method, more) => tell('remote-access', method, (sessionId) => ({ sessionId, ...more }));
const tellLeft = tell('remote-access', 'ParticipantLeft', (sessionId, _, userId) => ({ sessionId, userId }));
const sendSignal = {
  SdpOffer: signal('SdpOffer'),
  SdpAnswer: signal('SdpAnswer'),
  IceCandidate: signal('IceCandidate'),
};

const tellRead = tell('request', 'ReadStatusUpdate', (requestId, messageIds, userId) => ({
  requestId,
  userId,
  messageIds,
}));

/** The hubs by name: their methods, and what happens to a connection. */
const handlers = {
  chat: {
    onConnected: ({ groups, userId }) => groups.add(`user:${userId}`),
    methods: {
      JoinRoom: change('add', 'request', 'RoomJoined'),
      LeaveRoom: change('remove', 'request', 'RoomLeft'),
      SendTyping: tell('request', 'TypingIndicator', (requestId, isTyping, userId) => ({
        requestId,
        userId,
        isTyping,
      })),
      MarkRead(context, room, messageIds) {
        if (Array.isArray(messageIds) && messageIds.length > 0) tellRead(context, room, messageIds);
      },
    },
  },
  ticket: {
    methods: {
      SubscribeToTicket: change('add', 'ticket', 'TicketSubscribed'),
      UnsubscribeFromTicket: change('remove', 'ticket', 'TicketUnsubscribed'),
      SubscribeToUserTickets: changeOwn('add', 'user-tickets', 'UserTicketsSubscribed'),
      UnsubscribeFromUserTickets: changeOwn('remove', 'user-tickets', 'UserTicketsUnsubscribed'),
    },
  },
  notification: {
    onConnected({ groups, clients, userId }) {
      groups.add(`notifications:${userId}`);
      clients.caller.send('Connected', { userId });
    },
    methods: {
      SetActiveChat: ({ clients }, requestId = null) => void clients.caller.send('ActiveChatSet', requestId),
      RefreshSubscriptions: ({ clients }) => void clients.caller.send('SubscriptionsRefreshed'),
    },
  },
  'remote-access': {
    onDisconnected(context) {
      for (const sessionId of Object.keys(context.items)) tellLeft(context, sessionId);
    },
    methods: {
      JoinSession({ groups, clients, userId, items }, sessionId, participantType) {
        if (!isRoom(sessionId)) return;
        groups.add(`remote-access:${sessionId}`);
        items[sessionId] = participantType;
        clients.caller.send('SessionJoined', { sessionId, participantType });
        clients
          .othersInGroup(`remote-access:${sessionId}`)
          .send('ParticipantJoined', { sessionId, participantType, userId });
      },
      LeaveSession(context, sessionId) {
        if (!isRoom(sessionId)) return;
        tellLeft(context, sessionId);
        context.groups.remove(`remote-access:${sessionId}`);
        delete context.items[sessionId];
        context.clients.caller.send('SessionLeft', sessionId);
      },
      SendSignal: (context, sessionId, type, payload) => sendSignal[type]?.(context, sessionId, payload),
      SendSdpOffer: sendSignal.SdpOffer,
      SendSdpAnswer: sendSignal.SdpAnswer,
      SendIceCandidate: sendSignal.IceCandidate,
      EnableControl: control('ControlEnabled'),
      DisableControl: control('ControlDisabled'),
      NotifyUacDetected: control('UacDetected', { message: 'Waiting for user to complete UAC prompt...' }),
      NotifyUacDismissed: control('UacDismissed'),
    },
  },
};

/** Declares each hub and passes it on. Returns the results by the names of the hubs. */
export function hubsOf(use) {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, hub]) => [
      name,
      use(name, defineHub()({ createItems: () => Object.create(null), ...hub })),
    ]),
  );
}
