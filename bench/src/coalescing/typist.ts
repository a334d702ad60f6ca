// One of the publisher processes of the scripted typing: does its part of the script, then tells what it sent and when.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import type { Action } from './script.js';

/** What a typist is told. Times are milliseconds since 1970. */
export interface TypistOrder {
  readonly startAtMs: number;
  readonly actions: readonly Action[];
}

/** An event that was sent. */
export interface SentInput {
  readonly eventId: string;
  readonly place: string;
  readonly isTyping: boolean;
  readonly atMs: number;
}

const [redisUrl = '', coalescing = 'redis'] = process.argv.slice(2);
const publisher = await connectPublisher({
  redisUrl,
  coalescing: coalescing === 'local' ? 'local' : 'redis',
});
process.send?.('ready');
const [order] = (await once(process, 'message')) as [TypistOrder];

const wallMs = (): number => performance.timeOrigin + performance.now();
const sent: SentInput[] = [];
const pending: Promise<unknown>[] = [];
for (const { atMs, roomId, userId, isTyping } of order.actions) {
  const waitMs = order.startAtMs + atMs - wallMs();
  if (waitMs > 1) await pause(waitMs);
  const eventId = randomUUID();
  sent.push({ eventId, place: `${roomId}/${userId}`, isTyping, atMs: wallMs() });
  const typist = { user_id: userId, username: userId.slice(0, 8) };
  pending.push(
    isTyping
      ? publisher.publish('typing_start', roomId, { ...typist, is_typing: true }, { eventId })
      : publisher.publish('typing_stop', roomId, { ...typist, is_typing: false }, { eventId }),
  );
}
await Promise.all(pending);
await publisher.close();
// A long list needs a while to be written.
process.send?.(sent, undefined, undefined, () => process.disconnect());
