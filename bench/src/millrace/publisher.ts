// Publishes by `@millrace/publisher`, as a backend does, with default options. Arguments: Redis, the package's entry in another build,
// the type of the events.
import type * as library from '@millrace/publisher';
import { chatPayload } from '../traffic/chat-payload.js';
import { contentOf } from '../traffic/mark.js';
import { servePublisher } from '../traffic/publisher.js';

const [redisUrl = '', entry = '@millrace/publisher', type = 'chat_message'] = process.argv.slice(2);
// The parts that are used here are the same in every build.
const { connectPublisher } = (await import(entry)) as typeof library;
const publisher = await connectPublisher({ redisUrl });

servePublisher((roomId, intendedNs, number) => {
  const content = contentOf(intendedNs, number);
  return type === 'notification'
    ? publisher.publish('notification', roomId, { type: 'info', title: content })
    : publisher.publish('chat_message', roomId, chatPayload(content, number + 1));
});
