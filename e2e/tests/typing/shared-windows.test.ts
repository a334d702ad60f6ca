// Several backends publish typing and receipts into one room. They share one coalescing window, and no event is lost when one
// of them dies.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { typing } from '../../fixtures/events/sample-events.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { entryFields } from '../../fixtures/redis/plain-redis.js';
import { type RedisSystem, startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem<RedisSystem>(() => startOnRedis());
const program = fileURLToPath(new URL('../../fixtures/processes/typing-publisher.mjs', import.meta.url));

interface Plan {
  readonly roomId: string;
  readonly userId: string;
  readonly receipts: number;
  readonly endsTyping?: boolean;
  readonly diesAtEnd?: boolean;
}

function startPublisher(plan: Plan): CliProcess {
  const args = [program, system().redis.url, JSON.stringify(plan)];
  return new CliProcess({ file: process.execPath, args });
}

const acceptedBy = (process: CliProcess): string[] =>
  process.lines.flatMap((line) => /^accepted ([0-9a-f-]{36})$/.exec(line)?.[1] ?? []);

test('three publisher processes share a window, and no event is lost when one of them is killed', async () => {
  const [roomId, userId] = [randomUUID(), randomUUID()];
  await using client = await EventLog.inRoom(system().url, roomId);
  const plan = { roomId, userId, receipts: 40 };
  await using first = startPublisher(plan);
  await using second = startPublisher(plan);
  await using third = startPublisher({ ...plan, endsTyping: true, diesAtEnd: true });
  expect(await Promise.all([first.exit(), second.exit(), third.exit()])).toEqual([0, 0, null]);
  const accepted = [first, second, third].flatMap(acceptedBy);
  expect(accepted).toHaveLength(120);
  const receipts = () => client.events.filter(({ event_type }) => event_type === 'read_receipt');
  const countOf = () =>
    receipts().reduce((sum, event) => sum + Number(event.metadata?.['coalesced_count']), 0);
  await client.event(
    () => countOf() >= 120 && client.events.some((event) => event.event_type === 'typing_stop'),
  );
  const read = receipts().flatMap((event) => event.payload['message_ids'] as string[]);
  expect([...read].sort()).toEqual([...accepted].sort());
  expect(countOf()).toBe(120);
  expect(receipts().length).toBeLessThan(120);
  expect(new Set(client.events.map((event) => event.event_id)).size).toBe(client.events.length);
  await eventually(async () => expect(await system().redis.cli('keys', 'coalesce*')).toBe(''));
});

test('a gateway publishes the coalescing windows of a killed publisher, even if no publisher is alive', async () => {
  for (let round = 0; round < 3; round++) {
    const [roomId, userId] = [randomUUID(), randomUUID()];
    await using client = await EventLog.inRoom(system().url, roomId);
    await using publisher = startPublisher({
      roomId,
      userId,
      receipts: 1,
      endsTyping: true,
      diesAtEnd: true,
    });
    expect(await publisher.exit()).toBeNull();
    const events = await client.received(2);
    expect(events.map((event) => event.event_type).sort()).toEqual(['read_receipt', 'typing_stop']);
  }
});

test('typing events by plain XADD reach a client at most once per 100 ms, and the last state arrives last', async () => {
  const [roomId, ana] = [randomUUID(), randomUUID()];
  await using client = await EventLog.inRoom(system().url, roomId);
  const redis = createClient({ url: system().redis.url });
  await redis.connect();
  const startMs = performance.now();
  for (let n = 0; n < 3_000; n++) {
    // The test waits after every tenth event, so that the events are spread over several windows.
    const added = redis.xAdd('events:chat', '*', entryFields(typing(roomId, ana, n % 2 === 0)));
    if (n % 10 === 0) await added;
  }
  const last = typing(roomId, ana, true);
  await redis.xAdd('events:chat', '*', entryFields(last));
  redis.destroy();
  await client.event((event) => event.event_id === last.event_id);
  const windows = Math.ceil((performance.now() - startMs) / 100);
  expect(client.events.length).toBeLessThanOrEqual(windows + 1);
  expect(client.events.at(-1)?.event_id).toBe(last.event_id);
});
