// One tenant publishes far more than the others. The gateway refuses its requests over HTTP with a time for the next attempt.
// The tenant loses only its own events from the replay memory.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, chatMessages, idsOf } from '../../fixtures/events/sample-events.js';
import { acceptEvents, type HttpAnswer, postEvents, refusal } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { normalMode } from '../../fixtures/http/tokens.js';
import { eventIdsIn, xaddAll } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { type RedisSystem, startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const pattern = { MILLRACE_TENANT_PATTERN: '^t:([^:]+):' };
const importRoom = 't:import:1';
const quietRoom = 't:quiet:1';
const watchedRoom = 't:watched:1';

/** More entries than fit into the replay memory, plus the 5,000 that a gateway reads from a stream for a client. */
const importedEvents = 8_000;
/** Memory for about 1,000 events. */
const smallMemory = { MILLRACE_MAX_REPLAY_BYTES: '1000000' };

/** Waits until the gateway has read everything that is in the stream. */
async function reachEnd(system: RedisSystem, watcher: EventLog): Promise<void> {
  const last = chatMessage(watchedRoom, 'the end so far');
  await xaddAll(system.redis, 'events:chat', [last]);
  await watcher.event(({ event_id }) => event_id === last.event_id);
}

/**
 * A client of a quiet tenant disconnects. Another tenant imports events by plain XADD. Then the client
 * reconnects.
 */
async function returnAfterImport(system: RedisSystem) {
  await using watcher = await EventLog.inRoom(system.url, watchedRoom);
  const member = await EventLog.inRoom(system.url, quietRoom);
  await xaddAll(system.redis, 'events:chat', chatMessages(quietRoom, 3));
  const position = (await member.received(3)).at(-1)?.position;
  await member[Symbol.asyncDispose]();
  const missed = chatMessages(quietRoom, 20);
  await xaddAll(system.redis, 'events:chat', missed.slice(0, 10));
  for (let left = importedEvents; left > 0; left -= 500)
    await xaddAll(system.redis, 'events:chat', chatMessages(importRoom, 500));
  await xaddAll(system.redis, 'events:chat', missed.slice(10));
  await reachEnd(system, watcher);
  const back = system.use(await EventLog.connect(system.url));
  const answer = await back.join(quietRoom, position);
  return { answer, back, missed };
}

test('a client of a quiet tenant gets its missed events, however many events another tenant has imported', async () => {
  await using system = await startOnRedis({ environment: { ...pattern, ...smallMemory } });
  const { answer, back, missed } = await returnAfterImport(system);
  expect(answer).toMatchObject({ recovered: true, replayed: 20 });
  expect(back.ids).toEqual(idsOf(missed));
  expect(await readMetric(system.url, 'replay_tenants_over_share')).toBe(1);
});

test('a client loses its missed events during another tenant’s import if rooms have no tenants', async () => {
  await using system = await startOnRedis({ environment: smallMemory });
  const { answer } = await returnAfterImport(system);
  expect(answer).toMatchObject({ recovered: false, replayed: 0 });
});

test('a request over its tenant’s rate is answered with 429 and the time to wait, and is not stored', async () => {
  const environment = {
    ...pattern,
    MILLRACE_MAX_TENANT_EVENTS_PER_SECOND: '2',
    MILLRACE_MAX_TENANT_EVENTS_BURST: '10',
  };
  await using system = await startOnRedis({ environment });
  await using quiet = await EventLog.inRoom(system.url, quietRoom);
  const accepted = chatMessages(importRoom, 10);
  await acceptEvents(system.url, accepted);
  const events = [chatMessage(quietRoom, 'in the same list'), ...chatMessages(importRoom, 4)];
  const answer = await postEvents(system.url, events);
  expect(answer.status).toBe(429);
  const seconds = Number(answer.headers.get('retry-after'));
  expect([1, 2]).toContain(seconds);
  expect(answer.body).toEqual({
    type: 'urn:millrace:problem:tenant_rate_limited',
    title: 'The tenant publishes too much',
    status: 429,
    code: 'tenant_rate_limited',
    detail: `Nothing was published. The tenant "import" may publish 2 events a second, 10 at once, through this gateway. Send the request again after ${seconds} s.`,
  });
  expect(await eventIdsIn(system.redis, 'events:chat')).toEqual(idsOf(accepted));
  // Events for other tenants, and for rooms without a tenant, are accepted as before.
  const others = chatMessages(quietRoom, 9);
  await acceptEvents(system.url, others);
  await acceptEvents(system.url, chatMessages('no tenant', 30));
  await quiet.received(9);
  expect(quiet.ids).toEqual(idsOf(others));
  // A backend that waits for the given time is accepted.
  await eventually(async () => expect((await postEvents(system.url, events)).status).toBe(201));
  await quiet.received(10);
  expect(await readMetric(system.url, 'tenant_refusals_total', { reason: 'publish_rate' })).toBeGreaterThan(
    0,
  );
  expect(
    await readMetric(system.url, 'http_refusals_total', { code: 'tenant_rate_limited' }),
  ).toBeGreaterThan(0);
});

/**
 * Posts events until the gateway has counted them for their tenant. A gateway that is short of CPU time refuses requests before it
 * counts them, and asks for another attempt.
 */
async function postUntilCounted(url: string, events: readonly unknown[]): Promise<HttpAnswer> {
  for (;;) {
    const answer = await postEvents(url, events);
    if (answer.status !== 503) return answer;
    expect(answer.body).toMatchObject({ code: 'overloaded' });
    await setTimeout(1000 * Number(answer.headers.get('retry-after')));
  }
}

test('a flood of requests for one tenant stores only as many events as its rate allows', async () => {
  const environment = {
    ...pattern,
    MILLRACE_MAX_TENANT_EVENTS_PER_SECOND: '1',
    MILLRACE_MAX_TENANT_EVENTS_BURST: '20',
  };
  await using system = await startOnRedis({ environment });
  const startMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => postUntilCounted(system.url, chatMessages(importRoom, 5))),
  );
  const mostAllowed = 20 + (performance.now() - startMs) / 1000 + 1;
  const stored = answers.filter(({ status }) => status === 201).length * 5;
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 429]));
  expect(stored).toBeGreaterThanOrEqual(20);
  expect(stored).toBeLessThanOrEqual(mostAllowed);
  expect(await eventIdsIn(system.redis, 'events:chat')).toHaveLength(stored);
});

test('the TCP connection of a producer is closed with the 100th refusal in a row', async () => {
  const environment = {
    ...pattern,
    MILLRACE_MAX_TENANT_EVENTS_PER_SECOND: '1',
    MILLRACE_MAX_TENANT_EVENTS_BURST: '50',
  };
  await using system = await startOnRedis({ environment });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = async (events: number) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json' } };
    const sent = request(`${system.url}/v1/events`, options);
    sent.end(JSON.stringify(chatMessages(importRoom, events)));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    return { status: answer.statusCode, connection: answer.headers.connection };
  };
  const refused = { status: 429, connection: 'keep-alive' };
  // 40 events are accepted. The other 45 would need a pause of 35 s.
  expect((await post(40)).status).toBe(201);
  for (let refusals = 1; refusals < 100; refusals += 1) expect(await post(45)).toEqual(refused);
  // An accepted request ends the series of refusals.
  expect((await post(5)).status).toBe(201);
  for (let refusals = 1; refusals < 100; refusals += 1) expect(await post(45)).toEqual(refused);
  expect(await post(45)).toEqual({ status: 429, connection: 'close' });
  expect(await post(45)).toEqual(refused);
  expect(await eventIdsIn(system.redis, 'events:chat')).toHaveLength(45);
  agent.destroy();
});

test('a request with the API key of a tenant over its rate is refused before its body is read', async () => {
  const key = 'key-of-the-tenant-import';
  const otherKey = 'key-of-the-tenant-quiet';
  const environment = {
    ...normalMode,
    ...pattern,
    MILLRACE_API_KEYS: JSON.stringify([
      { name: 'shop', key, tenant: 'import' },
      { name: 'other', key: otherKey, tenant: 'quiet' },
    ]),
    MILLRACE_MAX_TENANT_EVENTS_PER_SECOND: '1',
    MILLRACE_MAX_TENANT_EVENTS_BURST: '5',
  };
  await using system = await startOnRedis({ environment });
  expect((await postEvents(system.url, chatMessages(importRoom, 30), { key })).status).toBe(201);
  // The body is not JSON. A gateway that reads it answers with 400.
  expect(await refusal(system.url, 'not JSON', { key })).toMatchObject({ code: 'tenant_rate_limited' });
  expect(await refusal(system.url, 'not JSON', { key: otherKey })).toMatchObject({ code: 'invalid_json' });
  // A key of a tenant can publish only into rooms of this tenant.
  for (const roomId of ['t:third:1', 'no tenant'])
    expect(await refusal(system.url, chatMessage(roomId, 'x'), { key: otherKey })).toMatchObject({
      code: 'forbidden',
      errors: [{ path: '/room_id' }],
    });
});

test('typing over a tenant’s rate is refused, and imports do not use up this budget', async () => {
  const environment = {
    ...pattern,
    MILLRACE_MAX_TENANT_EVENTS_PER_SECOND: '1',
    MILLRACE_MAX_TENANT_EVENTS_BURST: '3',
  };
  await using system = await startOnRedis({ environment });
  await acceptEvents(system.url, chatMessages(importRoom, 30));
  await using log = await EventLog.connectAs(system.url, randomUUID(), 'Ana');
  for (const roomId of [importRoom, quietRoom]) await log.join(roomId);
  const type = (roomId: string): Promise<unknown> => log.connection.invoke('SendTyping', roomId, true);
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => type(importRoom)));
  const refused = answers.filter((answer) => answer.status === 'rejected');
  expect(answers.length - refused.length).toBeGreaterThanOrEqual(3);
  expect(String(refused.at(-1)?.reason)).toMatch(
    /Too many typing events and receipts are sent to the rooms of this tenant\. Send the last one again in \d+ ms\./,
  );
  await type(quietRoom);
  expect(await readMetric(system.url, 'tenant_refusals_total', { reason: 'client_event_rate' })).toBe(
    refused.length,
  );
});

test('a tenant has a maximum number of connections, and a closed one frees a place', async () => {
  const environment = { ...pattern, MILLRACE_MAX_CONNECTIONS_PER_TENANT: '2' };
  await using system = await startOnRedis({ environment });
  const first = await EventLog.inRoom(system.url, importRoom);
  await using second = await EventLog.inRoom(system.url, 't:import:2');
  await using third = await EventLog.connect(system.url);
  await expect(third.join(importRoom)).rejects.toThrow(
    'The tenant of this room has the maximum number of connections to this gateway. Try again later.',
  );
  await third.join(quietRoom);
  await second.join('t:import:3');
  await first[Symbol.asyncDispose]();
  await eventually(() => third.join(importRoom));
  expect(await readMetric(system.url, 'tenant_refusals_total', { reason: 'connections' })).toBeGreaterThan(0);
});

test('no event is lost if the function for tenants fails, and its failures are counted', async () => {
  await using gateway = await EmbeddedGateway.start({
    maxTenantEventsPerSecond: 1,
    maxTenantEventsBurst: 1,
    tenantOf(roomId) {
      if (roomId === 'throws') throw new Error('no such room');
      return roomId === 'nonsense' ? (7 as never) : undefined;
    },
  });
  for (const roomId of ['throws', 'nonsense']) {
    const log = await EventLog.inRoom(gateway.url, roomId);
    const events = chatMessages(roomId, 5);
    await acceptEvents(gateway.url, events);
    const position = (await log.received(5)).at(0)?.position;
    expect(log.ids).toEqual(idsOf(events));
    await log[Symbol.asyncDispose]();
    await using back = await EventLog.connect(gateway.url);
    expect(await back.join(roomId, position)).toMatchObject({ recovered: true, replayed: 4 });
  }
  expect(await readMetric(gateway.url, 'tenant_faults_total')).toBeGreaterThan(2);
});
