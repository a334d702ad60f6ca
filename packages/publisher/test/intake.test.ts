// In a stream into which other programs write in a form of their own, the events of a publisher are marked.
import { randomUUID } from 'node:crypto';
import { PUBLISHED_FIELD } from '@millrace/contract';
import { expect, it } from 'vitest';
import { setUp } from './set-up.js';

it('events are marked in these streams only, those of windows included', async () => {
  await using system = await setUp({ intake: { streams: ['events:chat'] }, coalescing: 'local' });
  const { publisher } = system;
  await publisher.publish('notification', 'room', { type: 'info', title: 'Hi' });
  await publisher.publish('read_receipt', 'room', { user_id: randomUUID(), message_ids: [randomUUID()] });
  await publisher.publish('chat_message', 'room', {
    id: randomUUID(),
    request_id: randomUUID(),
    content: 'hello',
    sequence_number: 1,
    is_screenshot: false,
    created_at: '2026-01-16T10:00:00Z',
  });
  await publisher.flush();
  const marks = async (stream: string) =>
    (await system.entries(stream)).map((fields) => fields[PUBLISHED_FIELD]);
  expect(await marks('events:chat')).toEqual(['1', '1']);
  expect(await marks('events:notification')).toEqual([undefined]);
});
