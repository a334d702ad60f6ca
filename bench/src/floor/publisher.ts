// One plain XADD per event, nothing else. Arguments: Redis, mix. Whoever reads the stream, this is how any backend writes it.
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { eventOf, type Mix } from '../traffic/events.js';
import { servePublisher } from '../traffic/publisher.js';

const [redisUrl = '', mix = 'chat'] = process.argv.slice(2) as [string?, Mix?];
const redis = new Redis(redisUrl);
await redis.ping();

servePublisher((roomId, place) => {
  const { type, payload } = eventOf(mix, place);
  return redis.xadd(
    'events:chat',
    '*',
    'event_id',
    randomUUID(),
    'event_type',
    type,
    'timestamp',
    new Date().toISOString(),
    'room_id',
    roomId,
    'payload',
    JSON.stringify(payload),
  );
});
