// The public support desk adelabdelgawad/support-center as an application module: its entries, its four hubs, its routes and its presence
// keys. Its backend and its clients stay as they are. The file README.md is the guide. Check it with
// npx millrace check --app ./app.mjs
import { defineApp } from '@millrace/gateway';
import { createClient } from '@redis/client';
import { catalog } from './catalog.mjs';
import { desk } from './desk.mjs';
import { chatHub } from './hubs/chat.mjs';
import { notificationHub } from './hubs/notification.mjs';
import { remoteAccessHub } from './hubs/remote-access.mjs';
import { ticketHub } from './hubs/ticket.mjs';
import { intake } from './intake.mjs';
import { addRoutes } from './routes.mjs';
import { DesktopSessions } from './sessions.mjs';

export default defineApp({
  name: 'support-desk',
  catalog,
  intake,
  views: [chatHub, ticketHub, notificationHub, remoteAccessHub],
  access: {
    userOf: ({ sub, username }) => ({ id: sub, name: username }),
    // Every signed-in user may enter every room, except the lists of other users.
    mayEnter: (user, room) => !room.startsWith('user-tickets:') || room === `user-tickets:${user.id}`,
  },
  async http(host) {
    const { INTERNAL_API_KEY: apiKey, MILLRACE_REDIS_URL: url, DESK_CHECK_MS = '15000' } = process.env;
    // Presence counts a lost connection for this time.
    const { MILLRACE_PRESENCE_GRACE_MS = '10000' } = process.env;
    if (!apiKey)
      throw new Error('Set INTERNAL_API_KEY to the key that the backend sends in X-Internal-Api-Key.');
    const redis = createClient({ url, disableOfflineQueue: true });
    redis.on('error', (error) =>
      host.logger.warn({ err: error }, 'no connection to Redis for the desktop sessions'),
    );
    await redis.connect();
    desk.sessions = new DesktopSessions({
      ...host,
      redis,
      checkMs: Number(DESK_CHECK_MS),
      graceMs: Number(MILLRACE_PRESENCE_GRACE_MS) + 1_000,
    });
    desk.sessions.start();
    addRoutes(host, apiKey);
    return () => {
      desk.sessions.stop();
      redis.destroy();
    };
  },
});
