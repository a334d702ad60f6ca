// The publisher of a Millrace run: the library as a backend uses it. Arguments: Redis, rooms, events per second, seconds, type.
import { connectPublisher } from '@millrace/publisher';
import { chatPayload } from './chat-payload.js';
import { contentOf, sendAtRate } from './load.js';

const [redisUrl = '', roomsText = '', eventsPerSecond = '0', seconds = '0', type = 'chat_message'] =
  process.argv.slice(2);
const rooms = roomsText.split(',');
const publisher = await connectPublisher({ redisUrl });

const pending: Promise<unknown>[] = [];
await sendAtRate(
  { eventsPerSecond: Number(eventsPerSecond), seconds: Number(seconds) },
  (index, intendedNs) => {
    const room = rooms[index % rooms.length] ?? '';
    const content = contentOf(intendedNs);
    pending.push(
      type === 'notification'
        ? publisher.publish('notification', room, { type: 'info', title: content })
        : publisher.publish('chat_message', room, chatPayload(content, index + 1)),
    );
  },
);
await Promise.all(pending);
await publisher.close();
process.disconnect?.();
