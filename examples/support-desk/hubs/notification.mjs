// The hub /hubs/notification: what concerns one user, in all their requests.
import { defineView } from '@millrace/gateway';
import { connected, desktopGroup, disconnected, maxReceiveBytes } from '../desk.mjs';

export const notificationHub = defineView({
  path: '/hubs/notification',
  groups: ['notifications', desktopGroup],
  sends: {
    notification: { method: 'Notification' },
    remote_session_start: { method: 'RemoteSessionAutoStart' },
    remote_session_end: { method: 'RemoteSessionEnded' },
  },
  methods: {
    // The old service keeps the chat and never uses it.
    SetActiveChat: (caller, requestId = null) => caller.reply('ActiveChatSet', requestId),
    RefreshSubscriptions: (caller) => caller.reply('SubscriptionsRefreshed'),
  },
  clientMethods: ['Connected', 'ActiveChatSet', 'SubscriptionsRefreshed'],
  async onConnected(caller) {
    await connected(caller);
    await caller.join('notifications', 'user:me');
    caller.reply('Connected', { userId: caller.user.userId });
  },
  onDisconnected: disconnected,
  maxReceiveBytes,
});
