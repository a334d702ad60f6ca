// The publisher of a Millrace run: the library as a backend uses it.
import { connectPublisher } from '@millrace/publisher';
import { chatPayload } from './chat-payload.js';
import { contentOf, sendAtRate } from './load.js';

const [redisUrl = '', roomsText = '', eventsPerSecond = '0', seconds = '0'] = process.argv.slice(2);
const rooms = roomsText.split(',');
const publisher = await connectPublisher({ redisUrl });

const pending: Promise<unknown>[] = [];
await sendAtRate(
  { eventsPerSecond: Number(eventsPerSecond), seconds: Number(seconds) },
  (index, intendedNs) => {
    const room = rooms[index % rooms.length] ?? '';
    pending.push(publisher.publish('chat_message', room, chatPayload(contentOf(intendedNs), index + 1)));
  },
);
await Promise.all(pending);
await publisher.close();
process.disconnect?.();
