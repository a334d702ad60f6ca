// Delivery over a real Redis, judged by the official SignalR client.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { fullEvents, streamNames } from '../../fixtures/events/sample-events.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { commonWays, plainXadd } from '../../fixtures/systems/delivery-system.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { describeDelivery } from './delivery-promises.js';

describeDelivery([...commonWays, plainXadd], () => startOnRedis());

test('an event of any type is delivered from any of the four streams', async () => {
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
