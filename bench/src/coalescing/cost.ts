// Measures what one input costs Redis and the publisher's process, for one kind of publish. Runs in a process of its own, so
// that its CPU time contains no other work.
import { randomUUID } from 'node:crypto';
import { connectPublisher } from '@millrace/publisher';
import { createClient } from '@redis/client';
import { chatPayload } from '../traffic/chat-payload.js';
import { contentOf } from '../traffic/mark.js';

/** The result of one measurement, in microseconds per input. */
export interface Cost {
  readonly redisUs: number;
  readonly nodeUs: number;
}

const [redisUrl = '', kind = '', countText = '0'] = process.argv.slice(2);
const count = Number(countText);
// Number of concurrent calls. A busy backend has about as many concurrent requests.
const inFlight = 64;

const publisher = await connectPublisher({
  redisUrl,
  coalescing: kind.endsWith('local') ? 'local' : 'redis',
});
const admin = createClient({ url: redisUrl });
await admin.connect();
const users = Array.from({ length: 50 }, () => randomUUID());

function send(n: number): Promise<unknown> {
  const user = users[n % users.length] ?? '';
  if (kind === 'notification') {
    return publisher.publish('notification', `room-${n % 10}`, { type: 'info', title: 'A title' });
  }
  if (kind.startsWith('message')) {
    const payload = { ...chatPayload(contentOf(n, n), n + 1), sender_id: user };
    return publisher.publish('chat_message', `room-${n % 10}`, payload);
  }
  const room = kind.startsWith('merged') ? `room-${n % 10}` : `room-${n}`;
  return publisher.publish('typing_start', room, { user_id: user, username: 'Ana', is_typing: true });
}

async function sendAll(from: number, to: number): Promise<void> {
  let next = from;
  const caller = async (): Promise<void> => {
    while (next < to) await send(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  await publisher.flush();
}

/** Returns the time that Redis has spent in scripts, in microseconds. A publisher calls only scripts. */
async function scriptUs(): Promise<number> {
  const text = await admin.sendCommand<string>(['INFO', 'commandstats']);
  const found = text.matchAll(/^cmdstat_(?:evalsha|eval):calls=\d+,usec=(\d+)/gm);
  return [...found].reduce((sum, [, usec]) => sum + Number(usec), 0);
}

await sendAll(0, Math.min(2_000, count));
const startUs = await scriptUs();
const startCpu = process.cpuUsage();
await sendAll(2_000, 2_000 + count);
const { user, system } = process.cpuUsage(startCpu);
const cost: Cost = {
  redisUs: ((await scriptUs()) - startUs) / count,
  nodeUs: (user + system) / count,
};
process.send?.(cost);
await publisher.close();
admin.destroy();
process.disconnect?.();
