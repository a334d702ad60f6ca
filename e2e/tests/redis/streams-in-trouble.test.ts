// One stream cannot be served. Readiness, metrics and log name it, and the other streams are still served.
import { randomUUID } from 'node:crypto';
import { LAST_ENTRY_ID } from '@millrace/broker';
import type { RedisServer } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification, sampleEvent, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents, postEvents, refusal } from '../../fixtures/http/ingest.js';
import { readMetricsText } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { type RedisSystem, startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'room';
const stream = 'events:notification';

/** Starts the usual system with a client in the room. */
async function start(prepare: (redis: RedisServer) => Promise<unknown> = async () => {}): Promise<System> {
  // Redis writes its data to its disk. Otherwise the readiness details would contain advice about that.
  const redis = { args: ['--appendonly', 'yes'] };
  const system = await startOnRedis({ redis, prepare, mayLogErrors: true });
  const client = system.use(await EventLog.inRoom(system.url, roomId));
  return Object.assign(system, { client });
}

type System = RedisSystem & { readonly client: EventLog };

/** Returns the answer of `/readyz`. */
async function readiness({ gateway }: System) {
  const response = await fetch(`${gateway.url}/readyz`);
  return { status: response.status, text: await response.text() };
}

const metricsOf = ({ gateway }: System): Promise<string> => readMetricsText(gateway.url);

/**
 * Publishes events to the other streams by HTTP and by XADD. Expects that they arrive and are acknowledged.
 */
async function expectOthersServed({ redis, gateway, client }: System): Promise<void> {
  const byHttp = chatMessage(roomId, 'by HTTP');
  const byHand = sampleEvent(roomId, 'status_change', {
    request_id: randomUUID(),
    old_status: 'open',
    new_status: 'closed',
    changed_by: 'ana',
    changed_at: new Date().toISOString(),
  });
  await acceptEvents(gateway.url, byHttp);
  await xaddEvent(redis, byHand);
  for (const { event_id } of [byHttp, byHand]) await client.event((event) => event.event_id === event_id);
  for (const other of ['events:chat', 'events:ticket'])
    await eventually(() => assertAllAcknowledged(redis, other));
}

/** Expects that the log names the stream once, not once per attempt. */
function expectLoggedOnce({ gateway }: System, kind: string): void {
  const lines = gateway.lines.filter((line) => line.includes('"stream in trouble"'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(stream);
  expect(lines[0]).toContain(`"trouble":"${kind}"`);
}

async function expectNamed(system: System, kind: string): Promise<void> {
  await eventually(async () => expect((await readiness(system)).text).toContain(stream));
  await eventually(async () =>
    expect(await metricsOf(system)).toContain(`event_stream_trouble{stream="${stream}",kind="${kind}"} 1`),
  );
  // The line may arrive from the gateway's process after the answers over HTTP.
  await eventually(() => expectLoggedOnce(system, kind));
}

/** Expects that the stream is served, and that the gateway reports no stream in trouble any more. */
async function expectRepaired(system: System): Promise<void> {
  await eventually(async () =>
    expect(await readiness(system)).toEqual({ status: 200, text: '{"status":"ready"}' }),
  );
  const repaired = notification(roomId, 'after the repair');
  await acceptEvents(system.gateway.url, repaired);
  await system.client.event((event) => event.event_id === repaired.event_id);
  await eventually(() => assertAllAcknowledged(system.redis, stream));
}

describe('a stream whose key has another type', () => {
  test('a stream whose key gets another type recovers after the key is removed, and other streams continue', async () => {
    await using system = await start();
    const { redis, gateway } = system;
    const before = notification(roomId, 'before');
    await acceptEvents(gateway.url, before);
    await redis.cli('SET', stream, 'x');
    await expectNamed(system, 'refused');
    await expectOthersServed(system);
    expect(await refusal(gateway.url, notification(roomId, 'refused'))).toMatchObject({
      status: 503,
      code: 'stream_refused',
      detail: expect.stringContaining(`refuses ${stream}`),
    });
    expect(await readiness(system)).toMatchObject({ status: 200 });
    await redis.cli('DEL', stream);
    await expectRepaired(system);
  });

  test('a gateway starts although a stream’s key has another type, and serves the stream after the key is removed', async () => {
    await using system = await start((redis) => redis.cli('SET', stream, 'x'));
    await expectNamed(system, 'refused');
    await expectOthersServed(system);
    expect((await postEvents(system.gateway.url, notification(roomId, 'refused'))).status).toBe(503);
    await system.redis.cli('DEL', stream);
    await expectRepaired(system);
  });
});

describe('an entry with the largest possible ID', () => {
  test('a stream with the largest possible ID is reported, and recovers without loss after the documented repair', async () => {
    await using system = await start();
    const { redis, gateway, client } = system;
    const kept = notification(roomId, 'kept');
    const lastGoodId = await xaddEvent(redis, kept);
    const poison = notification(roomId, 'with the largest ID');
    await xaddEvent(redis, poison, { entryId: LAST_ENTRY_ID });
    // The entry with the largest ID is delivered like any other.
    await client.event((event) => event.event_id === poison.event_id);
    await eventually(async () => expect(await readiness(system)).toMatchObject({ status: 503 }));
    await expectNamed(system, 'exhausted');
    await expectOthersServed(system);
    expect(await refusal(gateway.url, notification(roomId, 'refused'))).toMatchObject({
      status: 503,
      code: 'stream_refused',
      detail: expect.stringMatching(/largest ID.*docs\/streams-in-trouble\.md/),
    });
    expect(await redis.cli('XDEL', stream, LAST_ENTRY_ID)).toBe('1');
    const mended = await redis.cli('XSETID', stream, lastGoodId, 'ENTRIESADDED', '2', 'MAXDELETEDID', '0-0');
    expect(mended).toBe('OK');
    await expectRepaired(system);
    // The gateway read the stream from its beginning after the repair, but delivered no event twice.
    expect(client.events.filter(({ event_id }) => event_id === kept.event_id)).toHaveLength(1);
    expect(client.events.filter(({ event_id }) => event_id === poison.event_id)).toHaveLength(1);
  });
});

test('an entry whose ID is ten minutes ahead is reported, and no event is forgotten or sent twice', async () => {
  await using system = await start();
  const { redis, gateway, client } = system;
  const before = notification(roomId, 'before');
  await xaddEvent(redis, before);
  const [delivered] = await client.received(1);
  const [seconds = ''] = (await redis.cli('TIME')).split('\n');
  const ahead = notification(roomId, 'from the future');
  await xaddEvent(redis, ahead, { entryId: `${Number(seconds) * 1_000 + 600_000}-0` });
  await expectNamed(system, 'ahead');
  expect(await readiness(system)).toMatchObject({ status: 200 });
  // A program adds the event again with XADD, so Redis does not deduplicate it.
  await xaddEvent(redis, before);
  const after = notification(roomId, 'after');
  await acceptEvents(gateway.url, after);
  expect(await client.idsUpTo(after.event_id)).toEqual([before.event_id, ahead.event_id, after.event_id]);
  expect(await metricsOf(system)).not.toMatch(/^event_clock_skew_total\{/m);
  const back = await EventLog.connect(gateway.url);
  expect(await back.join(roomId, delivered?.position)).toMatchObject({ recovered: true, replayed: 2 });
  await back[Symbol.asyncDispose]();
  await expectOthersServed(system);
});

test.each([
  ['a string at the key of a coalescing window', ['SET', 'coalesce:room:typing', 'x']],
  [
    'a coalescing window with garbage in its fields',
    ['HSET', 'coalesce:room:typing', 'd', '1', 'n', 'x', 'f', 'x', 'l', '4102444800000'],
  ],
  ['a string at the key of the index of coalescing windows', ['SET', 'coalesce-due:typing', 'x']],
])('%s is removed, logged and counted, and typing events are still delivered', async (_, garbage) => {
  await using system = await start();
  const { redis, gateway, client } = system;
  // Closes the test's publisher. It could repair the window instead of the gateway, without a log line or a count.
  await system.publisher.close();
  await redis.cli(...garbage);
  const event = typing(roomId, randomUUID(), true);
  expect((await postEvents(gateway.url, event)).status).toBe(202);
  await client.event(({ event_id }) => event_id === event.event_id);
  await eventually(async () => {
    expect(gateway.lines.some((line) => line.includes('held a value that Millrace did not write'))).toBe(
      true,
    );
    expect(await metricsOf(system)).toMatch(/^coalescing_windows_healed_total [1-9]/m);
  });
});

test.each(['slots:{signalr-consumers}', 'types:{signalr-consumers}', 'presence-leases', 'presence-changes'])(
  'a list at the key %s is removed, logged and counted',
  async (key) => {
    await using system = await start();
    const { redis, gateway } = system;
    await redis.cli('DEL', key);
    await redis.cli('RPUSH', key, 'x');
    // A change of presence writes the stream of these changes.
    if (key === 'presence-changes') system.use(await EventLog.inRoom(system.url, roomId));
    await eventually(async () => {
      const line = gateway.lines.find((each) => each.includes('held a value that Millrace did not write'));
      expect(line).toContain(`"key":"${key}"`);
      expect(await metricsOf(system)).toMatch(/^coalescing_windows_healed_total [1-9]/m);
      expect(await redis.cli('TYPE', key)).not.toBe('list');
    });
    await expectOthersServed(system);
  },
);

test('readiness names a stream whose dead letters cannot be stored, until its key is repaired', async () => {
  await using system = await start();
  const { redis } = system;
  await redis.cli('RPUSH', `dead:{${stream}}`, 'x');
  await redis.cli('XADD', stream, '*', 'no', 'event');
  await eventually(async () => {
    const { status, text } = await readiness(system);
    expect([status, text]).toEqual([
      200,
      expect.stringContaining(`Dead letters of ${stream} cannot be stored`),
    ]);
  });
  await redis.cli('DEL', `dead:{${stream}}`);
  await eventually(async () => expect((await readiness(system)).text).toBe('{"status":"ready"}'));
  expect(await redis.cli('XLEN', `dead:{${stream}}`)).toBe('1');
});
