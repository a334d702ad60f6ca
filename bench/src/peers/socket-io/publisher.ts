// Publishes as another instance of the application does: a Socket.IO server without clients, over the same adapter. There is no
// emitter of its own for Redis Streams. Arguments: Redis, mix.
import { randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';
import { eventOf, type Mix } from '../../traffic/events.js';
import { servePublisher } from '../../traffic/publisher.js';

const [redisUrl = '', mix = 'chat'] = process.argv.slice(2) as [string?, Mix?];
const redis = createClient({ url: redisUrl });
await redis.connect();
const io = new Server({ adapter: createAdapter(redis) });

servePublisher((roomId, place) => {
  const { type, payload } = eventOf(mix, place);
  io.to(roomId).emit(type, {
    event_id: randomUUID(),
    event_type: type,
    timestamp: new Date().toISOString(),
    room_id: roomId,
    payload,
  });
  // It does not say when the event is stored.
  return undefined;
});
