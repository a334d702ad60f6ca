// A value of another program at a key that Millrace can write anew is deleted, and the key is reported.
import type { Broker } from '@millrace/broker';
import { CHAT, startRedis } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { openBroker } from '../support/redis-fixture.js';

const presence = { leaseMs: 60_000 };

it.each<[string, (broker: Broker) => Promise<unknown>]>([
  ['slots:{signalr-consumers}', (broker) => broker.claimSlot('gateway')],
  ['slots:{signalr-consumers}', (broker) => broker.releaseSlot('gateway')],
  ['types:{signalr-consumers}', (broker) => broker.announce('gateway', ['chat_message'])],
  ['types:{signalr-consumers}', (broker) => broker.announced()],
  ['presence-leases', (broker) => broker.presence.renew(presence)],
  [`revoked:{${CHAT}}`, (broker) => broker.revocations.find(CHAT, 'room')],
  [`revoked:{${CHAT}}`, (broker) => broker.revocations.list(CHAT)],
])('a list at the key %s is deleted and reported once, and the call succeeds', async (key, call) => {
  await using redis = await startRedis();
  const repaired: string[] = [];
  await using broker = await openBroker(redis.url, { onHealed: (healed) => repaired.push(healed) });
  await redis.cli('rpush', key, 'x');
  await call(broker);
  expect(repaired).toEqual([key]);
  await call(broker);
  expect(repaired).toEqual([key]);
});

it('the message for a key of the wrong type names the page with the remedy, and no script', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url);
  await redis.cli('rpush', `lease:{${CHAT}}`, 'x');
  await expect(broker.acquireLease(CHAT, 'gateway')).rejects.toThrow(
    /^Redis: WRONGTYPE [^;:]*; another program has written a key of Millrace; docs\/streams-in-trouble\.md/,
  );
});
