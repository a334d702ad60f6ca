// Streams and waiting polls count as connections, together with SignalR clients. The limits of user, address and tenant apply
// to all of them.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { read } from '../../fixtures/http/room-reads.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const gateway = sharedSystem(() =>
  GatewayProcess.start({
    ...normalMode,
    MILLRACE_MAX_CONNECTIONS_PER_USER: '3',
    MILLRACE_MAX_ROOMS_PER_USER: '2',
    MILLRACE_MAX_ROOMS_PER_CONNECTION: '1',
    MILLRACE_MAX_CLIENT_CALLS_BURST: '150',
    MILLRACE_MAX_CLIENT_CALLS_PER_SECOND: '1',
    MILLRACE_TENANT_PATTERN: '^(t[0-9]+)-',
    MILLRACE_MAX_CONNECTIONS_PER_TENANT: '1',
  }),
);

async function bearer(sub = randomUUID()): Promise<Readonly<Record<string, string>>> {
  return { authorization: `Bearer ${await signToken({ sub, rooms: ['*'] })}` };
}

const stream = { accept: 'text/event-stream' };

test('a stream or a poll counts against the connection limit of its user, like a SignalR client', async () => {
  const token = await signToken({ sub: randomUUID(), rooms: ['*'] });
  const headers = { authorization: `Bearer ${token}` };
  const open = (): Promise<StreamReader> => StreamReader.open(gateway().url, 'room', { headers });
  const first = await open();
  await using _second = await open();
  await using _client = await EventLog.connect(gateway().url, { token });
  expect(await readMetric(gateway().url, 'signalr_server_active_connections')).toBe(3);
  for (const [query, accept] of [
    ['', stream.accept],
    ['?wait=1', 'application/json'],
  ]) {
    const refused = await read(eventsUrl(gateway().url, 'room', query), { ...headers, accept: accept ?? '' });
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_connections' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  await expect(EventLog.connect(gateway().url, { token })).rejects.toThrow(/429/);
  // A page needs no connection.
  expect((await read(eventsUrl(gateway().url, 'room'), headers)).status).toBe(200);
  await first[Symbol.asyncDispose]();
  await using _again = await eventually(open);
});

test('streams of one user share the maximum number of rooms', async () => {
  const headers = await bearer();
  await using _first = await StreamReader.open(gateway().url, 'one', { headers });
  await using _second = await StreamReader.open(gateway().url, 'two', { headers });
  const refused = await read(eventsUrl(gateway().url, 'three'), { ...headers, ...stream });
  expect(refused.body).toMatchObject({ status: 429, code: 'too_many_rooms' });
  expect(await readMetric(gateway().url, 'http_refusals_total', { at: 'api', code: 'too_many_rooms' })).toBe(
    1,
  );
});

test('a reader that reads pages without a pause is refused with 429 while other users are served', async () => {
  const headers = await bearer();
  const statuses = new Set<number>();
  // The budget is refilled once per second, so a slow machine needs more than the 150 reads of the burst.
  for (let count = 0; count < 2_000 && !statuses.has(429); count += 1)
    statuses.add((await read(eventsUrl(gateway().url, 'room'), headers)).status);
  expect(statuses).toEqual(new Set([200, 429]));
  const refused = await read(eventsUrl(gateway().url, 'room'), { ...headers, ...stream });
  expect(refused.body).toMatchObject({ status: 429, code: 'too_many_requests' });
  expect((await read(eventsUrl(gateway().url, 'room'), await bearer())).status).toBe(200);
});

test('a stream into a room of a full tenant is refused with 503 until a connection of the tenant ends', async () => {
  const first = await StreamReader.open(gateway().url, 't1-a', { headers: await bearer() });
  await using _other = await StreamReader.open(gateway().url, 't2-a', { headers: await bearer() });
  const headers = await bearer();
  for (const query of ['', '?wait=1']) {
    const accept = query === '' ? stream.accept : 'application/json';
    const refused = await read(eventsUrl(gateway().url, 't1-b', query), { ...headers, accept });
    expect(refused.body).toMatchObject({ status: 503, code: 'room_unavailable' });
    expect(refused.headers.get('retry-after')).toBe('1');
  }
  await first[Symbol.asyncDispose]();
  await using _again = await eventually(() => StreamReader.open(gateway().url, 't1-b', { headers }));
});

test('streams and polls whose clients have left leave no connection', async () => {
  await eventually(async () =>
    expect(await readMetric(gateway().url, 'signalr_server_active_connections')).toBe(0),
  );
});
