// Publishes as another instance of the application does: a Socket.IO server without clients, over the same adapter. There is no
// emitter of its own for Redis Streams. Argument: Redis.
import { randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';
import { chatPayload } from '../../traffic/chat-payload.js';
import { contentOf } from '../../traffic/mark.js';
import { servePublisher } from '../../traffic/publisher.js';

const redis = createClient({ url: process.argv[2] ?? '' });
await redis.connect();
const io = new Server({ adapter: createAdapter(redis) });

servePublisher((roomId, intendedNs, number) => {
  io.to(roomId).emit('chat_message', {
    event_id: randomUUID(),
    event_type: 'chat_message',
    timestamp: new Date().toISOString(),
    room_id: roomId,
    payload: chatPayload(contentOf(intendedNs, number), number + 1),
  });
  // It does not say when the event is stored.
  return undefined;
});
