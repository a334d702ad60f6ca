// The floor's publisher: one plain XADD per event, nothing else.
import { randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { chatPayload } from './chat-payload.js';
import { contentOf, sendAtRate } from './load.js';

const [url = '', roomsText = '', eventsPerSecond = '0', seconds = '0'] = process.argv.slice(2);
const rooms = roomsText.split(',');
const redis = createClient({ url });
await redis.connect();

const pending: Promise<unknown>[] = [];
await sendAtRate(
  { eventsPerSecond: Number(eventsPerSecond), seconds: Number(seconds) },
  (index, intendedNs) => {
    pending.push(
      redis.xAdd('events:chat', '*', {
        event_id: randomUUID(),
        event_type: 'chat_message',
        timestamp: new Date().toISOString(),
        room_id: rooms[index % rooms.length] ?? '',
        payload: JSON.stringify(chatPayload(contentOf(intendedNs), index + 1)),
      }),
    );
  },
);
await Promise.all(pending);
await redis.close();
process.disconnect?.();
