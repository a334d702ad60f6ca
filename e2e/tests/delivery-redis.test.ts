// Delivery over a real Redis, judged by the official SignalR client.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { describeDelivery } from '../fixtures/delivery-promises.js';
import { commonWays, plainXadd, startOnRedis } from '../fixtures/delivery-system.js';
import { EventLog } from '../fixtures/event-log.js';
import { xaddEvent } from '../fixtures/plain-redis.js';
import { fullEvents, streamNames } from '../fixtures/sample-events.js';

describeDelivery([...commonWays, plainXadd], () => startOnRedis());

test('any type put into any of the four streams is delivered', async () => {
  await using system = await startOnRedis();
  await using client = await EventLog.connect(system.url);
  const roomId = randomUUID();
  await client.join(roomId);
  const sent = [];
  for (const stream of streamNames) {
    for (const event of fullEvents(roomId)) {
      await xaddEvent(system.redis, event, { stream });
      sent.push(event);
    }
  }
  const delivered = await client.received(sent.length);
  for (const event of sent) {
    expect(delivered.find((candidate) => candidate.event_id === event.event_id)).toMatchObject(event);
  }
});
