// Publishes by `@millrace/publisher`, as a backend does, with default options. Arguments: Redis, what (a mix, or `notification`), the
// package's entry in another build.
import type * as library from '@millrace/publisher';
import { eventOf, type Mix } from '../traffic/events.js';
import { contentOf } from '../traffic/mark.js';
import { servePublisher } from '../traffic/publisher.js';

const [redisUrl = '', what = 'chat', entry = '@millrace/publisher'] = process.argv.slice(2) as [
  string?,
  (Mix | 'notification')?,
  string?,
];
// The parts that are used here are the same in every build.
const { connectPublisher } = (await import(entry)) as typeof library;
const publisher = await connectPublisher({ redisUrl });

servePublisher((roomId, place) => {
  if (what === 'notification') {
    const title = contentOf(place.intendedNs, place.number);
    return publisher.publish('notification', roomId, { type: 'info', title });
  }
  const event = eventOf(what, place);
  // Each type with its own payload, for the compiler's sake.
  if (event.type === 'typing_start') return publisher.publish(event.type, roomId, event.payload);
  if (event.type === 'typing_stop') return publisher.publish(event.type, roomId, event.payload);
  if (event.type === 'read_receipt') return publisher.publish(event.type, roomId, event.payload);
  return publisher.publish(event.type, roomId, event.payload);
});
