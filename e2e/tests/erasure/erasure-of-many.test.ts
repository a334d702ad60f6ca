// Erasing the events of a room or of a user, with API keys, dead letters and the command.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ErasureLog } from '../../fixtures/clients/erasure-log.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  idsOf,
  readReceipt,
  sampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import { eraseOverHttp, tryErase } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { jwtSecret } from '../../fixtures/http/tokens.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventIdsIn, xadd, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test.each(everyBroker)(
  'all events of a room are erased, and those of other rooms stay %s',
  async (_, start) => {
    await using system = await start();
    const [roomId, other] = [randomUUID(), randomUUID()];
    await using client = await EventLog.connect(system.url);
    const log = new ErasureLog(client, ['chat_message', 'status_change', 'read_receipt']);
    await log.join(roomId);
    const { position } = await log.join(other);
    const kept = chatMessage(other, 'kept');
    const status = sampleEvent(roomId, 'status_change', {
      request_id: randomUUID(),
      old_status: 'a',
      new_status: 'b',
      changed_by: 'c',
      changed_at: '2026-01-16T10:00:00Z',
    });
    const receipt = readReceipt(roomId, randomUUID(), [randomUUID()]);
    const events = [...chatMessages(roomId, 250), status, receipt];
    await acceptEvents(system.url, [...events, kept, typing(roomId, randomUUID(), true)]);
    await client.received(254);
    const { erased } = await eraseOverHttp(system.url, `/v1/rooms/${encodeURIComponent(roomId)}/events`);
    // A window may be flushed twice, with the same IDs, when its publisher is slow.
    expect(erased).toBeGreaterThanOrEqual(253);
    await eventually(() => expect(new Set(log.erased)).toEqual(new Set(idsOf(events))));
    expect(log.shown).toEqual([kept.event_id]);
    await using back = await EventLog.connect(system.url);
    expect(await back.join(other, position)).toMatchObject({ recovered: true });
    expect(await back.join(roomId, position)).toMatchObject({ recovered: true });
    expect(back.ids).toEqual([kept.event_id]);
  },
);

test('all events of a user are erased by the declared fields and in the user’s room, in all rooms, with dead letters', async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const [ana, bob] = [randomUUID(), randomUUID()];
  const mine = [
    chatMessage('r1', 'a', { sender_id: ana }),
    chatMessage('r2', 'b', { sender: { id: ana.toUpperCase(), username: 'ana' } }),
    readReceipt('r2', ana, [randomUUID()]),
    sampleEvent('r3', 'assignment_change', { request_id: randomUUID(), assignee_id: ana, assigned_by: 'x' }),
    sampleEvent(`user:${ana}`, 'notification', { type: 'info', title: 'for her' }),
  ];
  const kept = [chatMessage('r1', `about ${ana}`, { sender_id: bob }), chatMessage('r2', 'system')];
  for (const event of [...mine, ...kept]) await xaddEvent(redis, event);
  await xadd(redis, 'events:chat', {
    event_id: randomUUID(),
    event_type: 'chat_message',
    room_id: 'r1',
    payload: JSON.stringify({ sender_id: ana, content: 'no message' }),
  });
  await eventually(async () => expect(await redis.cli('XLEN', 'dead:{events:chat}')).toBe('1'));
  const answer = await eraseOverHttp(url, `/v1/users/${ana}/events`);
  expect(answer).toMatchObject({ erased: mine.length + 1, dead_letters: 1 });
  expect(await redis.cli('XLEN', 'dead:{events:chat}')).toBe('0');
  const stored = async (): Promise<readonly string[]> => {
    const streams = ['events:chat', 'events:ticket', 'events:notification'];
    const ids = await Promise.all(streams.map((stream) => eventIdsIn(redis, stream)));
    return ids.flat();
  };
  await eventually(async () =>
    expect((await stored()).filter((id) => idsOf([...mine, ...kept]).includes(id))).toEqual(idsOf(kept)),
  );
  // The audit line names the user and the numbers, and no content.
  const [line] = await system.gateway.line(/"action":"erase".*/);
  expect(line).toContain(`"target":{"user":"${ana}","erased":6,"dead_letters":1}`);
});

const keys = [
  { name: 'eraser', key: 'k'.repeat(20), scopes: ['erase'] },
  { name: 'limited', key: 'l'.repeat(20), scopes: ['erase', 'publish'], rooms: ['mine-*'] },
  { name: 'publisher', key: 'p'.repeat(20) },
];
const [eraser, limited, publisher] = keys.map(({ key }) => key) as [string, string, string];

test('an API key needs the scope erase, erases only in its rooms, and the command erases with it', async () => {
  await using gateway = await GatewayProcess.start({
    MILLRACE_JWT_SECRET: jwtSecret,
    MILLRACE_API_KEYS: JSON.stringify(keys),
  });
  const { url } = gateway;
  const events = [chatMessage('mine-1', 'a'), chatMessage('theirs', 'b'), chatMessage('theirs', 'c')];
  const [mine, theirs] = idsOf(events) as [string, string];
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${publisher}` },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(201);
  expect(await tryErase(url, `/v1/events/${mine}`)).toMatchObject({
    status: 401,
    body: { code: 'unauthorized' },
  });
  expect(await tryErase(url, `/v1/events/${mine}`, publisher)).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  for (const path of [
    '/v1/events/no-id',
    `/v1/events/${mine}?room_id=%0A`,
    '/v1/rooms/millrace%3Acontrol/events',
  ])
    expect(await tryErase(url, path, eraser)).toMatchObject({
      status: 400,
      body: { code: 'invalid_parameter' },
    });
  expect(await eraseOverHttp(url, `/v1/events/${theirs}`, limited)).toMatchObject({ erased: 0 });
  expect(await eraseOverHttp(url, '/v1/rooms/theirs/events', limited)).toMatchObject({ erased: 0 });
  expect(await eraseOverHttp(url, `/v1/events/${mine}`, limited)).toMatchObject({ erased: 1 });
  const command = async (...args: string[]): Promise<CliProcess> => {
    const run = CliProcess.millrace(['erase', '--url', url, ...args]);
    await run.exit();
    return run;
  };
  await using one = await command('--key', eraser, '--event', theirs, '--room', 'theirs', '--json');
  expect(one.output).toContain('"erased":1');
  await using room = await command('--key', eraser, '--room', 'theirs');
  expect(room.output).toMatch(/^erased {2}1 events, 0 dead letters/m);
  await using refused = await command('--key', publisher, '--room', 'theirs');
  expect(refused.output).toContain('does not have the scope `erase`');
  await using none = await command('--key', eraser);
  expect(none.output).toContain('Give one of --event, --user and --room.');
});
