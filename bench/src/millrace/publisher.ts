// Publishes with `@millrace/publisher` and its default options, like a backend. Arguments: the URL of Redis, a mix of events or
// `notification`, and optionally the entry file of the package in another build.
import type * as library from '@millrace/publisher';
import { eventOf, type Mix } from '../traffic/events.js';
import { contentOf } from '../traffic/mark.js';
import { servePublisher } from '../traffic/publisher.js';

const [redisUrl = '', what = 'chat', entry = '@millrace/publisher'] = process.argv.slice(2) as [
  string?,
  (Mix | 'notification')?,
  string?,
];
// The part of the API that this script uses is the same in every build.
const { connectPublisher } = (await import(entry)) as typeof library;
const publisher = await connectPublisher({ redisUrl });

servePublisher((roomId, place) => {
  if (what === 'notification') {
    const title = contentOf(place.intendedNs, place.number);
    return publisher.publish('notification', roomId, { type: 'info', title });
  }
  const event = eventOf(what, place);
  // Each type has its own call, because the compiler needs a payload of that type.
  if (event.type === 'typing_start') return publisher.publish(event.type, roomId, event.payload);
  if (event.type === 'typing_stop') return publisher.publish(event.type, roomId, event.payload);
  if (event.type === 'read_receipt') return publisher.publish(event.type, roomId, event.payload);
  return publisher.publish(event.type, roomId, event.payload);
});
