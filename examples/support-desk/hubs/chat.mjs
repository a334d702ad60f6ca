// The hub /hubs/chat: the messages of a request, and what concerns its user.
import { defineView } from '@millrace/gateway';
import { connected, desktopGroup, disconnected, enter, exit, maxReceiveBytes } from '../desk.mjs';

const typing = {
  group: 'request',
  method: 'TypingIndicator',
  arguments: ({ room_id: requestId, payload: { user_id: userId, username, is_typing: isTyping } }) => [
    { requestId, userId, username, isTyping },
  ],
};

export const chatHub = defineView({
  path: '/hubs/chat',
  groups: ['request', 'user', desktopGroup],
  sends: {
    chat_message: {
      group: 'request',
      method: 'ReceiveMessage',
      arguments: ({ payload }) => [messageOf(payload)],
    },
    typing_start: typing,
    typing_stop: typing,
    read_receipt: {
      group: 'request',
      method: 'ReadStatusUpdate',
      arguments: ({ room_id: requestId, payload: { user_id: userId, message_ids: messageIds } }) => [
        { requestId, userId, messageIds },
      ],
    },
    notification: { group: 'user', method: 'Notification' },
    remote_session_start: { group: 'user', method: 'RemoteSessionAutoStart' },
    remote_session_end: { group: 'user', method: 'RemoteSessionEnded' },
  },
  methods: {
    JoinRoom: (caller, room) => enter(caller, 'request', room, 'RoomJoined'),
    LeaveRoom: (caller, room) => exit(caller, 'request', room, 'RoomLeft'),
    SendTyping({ user, publish }, room, isTyping) {
      const payload = { user_id: user.userId, username: user.name, is_typing: isTyping };
      return publish(isTyping ? 'typing_start' : 'typing_stop', room, payload);
    },
    MarkRead({ user, publish }, room, messageIds) {
      if (!Array.isArray(messageIds) || messageIds.length === 0) return undefined;
      return publish('read_receipt', room, { user_id: user.userId, message_ids: messageIds });
    },
  },
  clientMethods: ['RoomJoined', 'RoomLeft'],
  async onConnected(caller) {
    await connected(caller);
    await caller.join('user', 'user:me');
  },
  onDisconnected: disconnected,
  maxReceiveBytes,
});

/** Returns a message as the clients know it: exactly these members, and null for what is missing. */
function messageOf(message) {
  return {
    id: message.id,
    requestId: message.request_id,
    senderId: message.sender_id ?? null,
    sender: message.sender ? senderOf(message.sender) : null,
    content: message.content,
    sequenceNumber: message.sequence_number,
    isScreenshot: message.is_screenshot,
    screenshotFileName: message.screenshot_file_name ?? null,
    isRead: message.is_read === true,
    createdAt: message.created_at,
    updatedAt: message.updated_at ?? null,
    clientTempId: message.client_temp_id ?? null,
  };
}

function senderOf({ id, username, full_name: fullName = null, email = null }) {
  return { id, username, fullName, email };
}
