// One plain XADD per event, nothing else. Argument: Redis. Whoever reads the stream, this is how any backend writes it.
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { chatPayload } from '../traffic/chat-payload.js';
import { contentOf } from '../traffic/mark.js';
import { servePublisher } from '../traffic/publisher.js';

const redis = new Redis(process.argv[2] ?? '');
await redis.ping();

servePublisher((roomId, intendedNs, number) =>
  redis.xadd(
    'events:chat',
    '*',
    'event_id',
    randomUUID(),
    'event_type',
    'chat_message',
    'timestamp',
    new Date().toISOString(),
    'room_id',
    roomId,
    'payload',
    JSON.stringify(chatPayload(contentOf(intendedNs, number), number + 1)),
  ),
);
