// Mistakes in an application module that serves a view. They concern the client or the event that meets them: the gateway keeps running,
// other clients stay connected, and the log names the mistake.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { ViewClient, type ViewClientOptions } from '../../fixtures/clients/view-client.js';
import { sampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(async () => {
  const gateway = await GatewayProcess.start({
    MILLRACE_APP: `${repositoryPath}e2e/fixtures/apps/careless.mjs`,
    MILLRACE_PRESENCE_GRACE_MS: '1000',
  });
  gateway.mayLogErrors = true;
  return gateway;
});

function connect(options: Omit<ViewClientOptions, 'methods'> = {}): Promise<ViewClient> {
  return ViewClient.connect(`${system().url}/hubs/careless`, {
    methods: ['Said', 'News', 'Message'],
    ...options,
  });
}

const news = (room: string, title: string, data: object = {}) =>
  sampleEvent(room, 'notification', { title, ...data });

test('a rejected promise that a method has left alone is logged, and disconnects nobody', async () => {
  const room = randomUUID();
  await using bystander = await connect();
  await bystander.connection.invoke('JoinRoom', room);
  await using client = await connect();
  expect(await client.connection.invoke('Announce', room)).toBeNull();
  await system().line(/"level":"error".*"app":".*careless\.mjs".*await it in the application module/);
  await acceptEvents(system().url, [news(room, 'still here')]);
  expect(await bystander.callsUntil('News', 1)).toMatchObject([['still here', '', expect.any(String)]]);
});

test.each([
  ['names its room', 'JoinAsync', 'the room of a method'],
  ['makes its reply', 'LeaveAsync', 'the arguments of a reply'],
])('a method that %s with a promise fails, and the log says why', async (_, method, what) => {
  await using client = await connect();
  await expect(client.connection.invoke(method, 'room')).rejects.toThrow('An unexpected error occurred');
  await system().line(new RegExp(`"level":"error".*${what} must not be a promise`));
});

test('a reply with a promise is refused, because clients would receive an empty object', async () => {
  await using client = await connect();
  await expect(client.connection.invoke('Echo', 'text')).rejects.toThrow('An unexpected error occurred');
  expect(client.callsOf('Said')).toEqual([]);
  await system().line(/"level":"error".*number 1 of the arguments of Said must not be a promise/);
});

test('an event whose arguments are a promise is rejected, and the gateway delivers the next one', async () => {
  const room = randomUUID();
  await using client = await connect();
  await client.connection.invoke('JoinRoom', room);
  const message = sampleEvent(room, 'chat_message', {
    id: randomUUID(),
    request_id: randomUUID(),
    sender_id: null,
    content: 'x',
    sequence_number: 1,
    is_screenshot: false,
    created_at: new Date().toISOString(),
  });
  await acceptEvents(system().url, [message, news(room, 'next')]);
  await client.callsUntil('News', 1);
  expect(client.callsOf('Message')).toEqual([]);
  const rejected = { view: '/hubs/careless', event_type: 'chat_message', reason: 'invalid' };
  expect(await readMetric(system().url, 'view_events_rejected_total', rejected)).toBe(1);
});

test('a client comes back past an event whose messages do not fit into its queue', async () => {
  const room = randomUUID();
  const before = await connect();
  const { position } = await before.connection.invoke<{ position: string }>('JoinRoom', room);
  await before.connection.stop();
  await acceptEvents(system().url, [news(room, 'large', { copies: 8, size: 250_000 }), news(room, 'small')]);
  await using client = await connect();
  const joined = client.connection.invoke('JoinRoom', room, position);
  await expect(joined).resolves.toMatchObject({ recovered: true, replayed: 1 });
  expect(client.callsOf('News').map(([title]) => title)).toEqual(['small']);
  await system().line(/"level":"warn".*its messages have \d+ bytes.*MILLRACE_MAX_OUTBOUND_BYTES/);
});

test('a failed onConnected closes the connection, and the log has its error', async () => {
  await using client = await connect({ query: '?fails=1' });
  await expect(client.connection.invoke('Members', 'room')).rejects.toThrow();
  await system().line(/"level":"error".*no database.*onConnected failed/);
});

test('a join after the client has gone leaves no member in the room', async () => {
  const user = randomUUID();
  const client = await connect({ query: `?user=${user}` });
  await client.connection.stop();
  await eventually(async () => {
    const online = await fetch(`${system().url}/v1/users/${user}/online`);
    expect(await online.json()).toMatchObject({ online: false });
  });
  await using other = await connect();
  expect(await other.connection.invoke('Members', 'ghosts')).toMatchObject({ users: 0 });
});
