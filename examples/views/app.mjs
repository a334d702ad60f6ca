// An application module with a hub as existing chat clients expect it. Serve it with
// npx millrace serve --dev --app ./app.mjs
import { defineApp, defineView } from '@millrace/gateway';

const chat = defineView({
  path: '/hubs/chat',
  groups: ['request', 'user'],
  sends: {
    // The payload as it was written. Then a second message for lists of chats.
    chat_message: [
      { group: 'request', method: 'ReceiveMessage' },
      { group: 'request', method: 'ChatMoved', arguments: (event) => [event.room_id, event.event_id] },
    ],
    typing_start: { group: 'request', method: 'TypingIndicator', arguments: typing },
    typing_stop: { group: 'request', method: 'TypingIndicator', arguments: typing },
    read_receipt: {
      group: 'request',
      method: 'ReadStatusUpdate',
      arguments: ({ room_id: requestId, payload }) => [
        { requestId, userId: payload.user_id, messageIds: payload.message_ids },
      ],
    },
    // The payload keeps its text inside another object.
    notification: {
      group: 'user',
      method: 'Notification',
      arguments: (event, { payload }) => [{ eventId: event.event_id, data: payload }],
    },
  },
  methods: {
    JoinRoom: { join: 'request', reply: 'RoomJoined' },
    LeaveRoom: { leave: 'request', reply: 'RoomLeft' },
    IsInRoom: (caller, room) => caller.isIn('request', String(room)),
  },
  clientMethods: ['Connected'],
  async onConnected(caller) {
    await caller.join('user', 'user:me', caller.query.get('after'));
    caller.reply('Connected', { userId: caller.user.userId });
  },
  appendsPosition: true,
  allowsStatefulReconnect: true,
  notices: { resync: 'Reload', removed: 'RoomClosed', erased: 'MessageErased', position: 'Position' },
});

function typing({ room_id: requestId, payload }) {
  return [{ requestId, userId: payload.user_id, username: payload.username, isTyping: payload.is_typing }];
}

export default defineApp({ name: 'chat', views: [chat] });
