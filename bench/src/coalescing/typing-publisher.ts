// One of the processes that publish the typing script. It publishes its share of the script, and then reports its events with their
// times.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import type { Action } from './script.js';

/**
 * The order to one publisher process. `startAtMs` is in milliseconds since 1970. The times of the actions are
 * relative to `startAtMs`.
 */
export interface TypingOrder {
  readonly startAtMs: number;
  readonly actions: readonly Action[];
}

/** An event that was sent. */
export interface SentInput {
  readonly eventId: string;
  /** The room and the user, which together identify a typing indicator. */
  readonly indicator: string;
  readonly isTyping: boolean;
  readonly atMs: number;
}

const [redisUrl = '', coalescing = 'redis'] = process.argv.slice(2);
const publisher = await connectPublisher({
  redisUrl,
  coalescing: coalescing === 'local' ? 'local' : 'redis',
});
process.send?.('ready');
const [order] = (await once(process, 'message')) as [TypingOrder];

const wallMs = (): number => performance.timeOrigin + performance.now();
const sent: SentInput[] = [];
const pending: Promise<unknown>[] = [];
for (const { atMs, roomId, userId, isTyping } of order.actions) {
  const waitMs = order.startAtMs + atMs - wallMs();
  if (waitMs > 1) await pause(waitMs);
  const eventId = randomUUID();
  sent.push({ eventId, indicator: `${roomId}/${userId}`, isTyping, atMs: wallMs() });
  const user = { user_id: userId, username: userId.slice(0, 8) };
  pending.push(
    isTyping
      ? publisher.publish('typing_start', roomId, { ...user, is_typing: true }, { eventId })
      : publisher.publish('typing_stop', roomId, { ...user, is_typing: false }, { eventId }),
  );
}
await Promise.all(pending);
await publisher.close();
// Disconnects only after the list was written. Writing a long list takes some time.
process.send?.(sent, undefined, undefined, () => process.disconnect());
