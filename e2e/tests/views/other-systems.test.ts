// The modules of examples/other-systems: entries as their programs write them reach plain SignalR clients of their hubs.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { ViewClient } from '../../fixtures/clients/view-client.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const folder = `${repositoryPath}examples/other-systems/`;
const names = ['method-per-message', 'binary-messages', 'stream-per-room'] as const;
type Name = (typeof names)[number];
const moduleOf = (name: Name): string => `${folder}${name}.mjs`;

// The three gateways share one Redis, each with a catalog of its own. Two of them serve the messenger.
const system = sharedSystem(() => startOnRedis({ environment: { MILLRACE_APP: moduleOf(names[0]) } }));
const urls: Partial<Record<Name, readonly string[]>> = {};
beforeAll(async () => {
  const start = async (name: Name) => (await system().startGateway({ MILLRACE_APP: moduleOf(name) })).url;
  urls['method-per-message'] = [system().url];
  urls['binary-messages'] = [await start('binary-messages'), await start('binary-messages')];
  urls['stream-per-room'] = [await start('stream-per-room')];
});

interface Connecting {
  readonly user?: string;
  readonly isBinary?: boolean;
  readonly gateway?: number;
}

function connect(
  [name, hub]: readonly [Name, string],
  methods: readonly string[],
  { user = randomUUID(), isBinary = false, gateway = 0 }: Connecting = {},
): Promise<ViewClient> {
  const url = `${urls[name]?.[gateway] ?? ''}/hubs/${hub}`;
  return ViewClient.connect(url, { methods, query: `?user=${user}`, isBinary });
}

test.each(names)('the module %s has at most 60 lines, and its check shows what it serves', async (name) => {
  expect((await readFile(moduleOf(name), 'utf8')).trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  await using check = CliProcess.millrace(['check', '--app', moduleOf(name)]);
  expect(await check.exit()).toBe(0);
  expect(check.output).toContain('before:');
});

test('a message of another program calls the client method that it names, on all devices of its user or at every client', async () => {
  const hub = ['method-per-message', 'notifications'] as const;
  const methods = ['OrderShipped', 'Maintenance'];
  const ana = randomUUID();
  await using desktop = await connect(hub, methods, { user: ana });
  await using phone = await connect(hub, methods, { user: ana, isBinary: true });
  await using other = await connect(hub, methods);
  const send = (message: object) =>
    xadd(system().redis, 'notifications', { message: JSON.stringify(message) });
  const order = { Id: 7, Items: ['Näh­garn', null], Total: 12.5 };
  await send({ UserId: ana, Type: 'order', Method: 'OrderShipped', Payload: order });
  await send({ UserId: '*', Type: 'system', Method: 'Maintenance', Payload: 'at 22:00' });
  await send({ UserId: ana, Type: 'order', Method: 'OrderShipped', Payload: 8 });
  const expected = [
    ['OrderShipped', order],
    ['Maintenance', 'at 22:00'],
    ['OrderShipped', 8],
  ];
  for (const client of [desktop, phone]) {
    await client.callsUntil('OrderShipped', 2);
    expect(client.calls).toEqual(expected);
  }
  await other.callsUntil('Maintenance', 1);
  expect(other.calls).toEqual(expected.slice(1, 2));
  // A message without a method becomes a dead letter, and stops nothing.
  await send({ UserId: ana, Type: 'order', Payload: 9 });
  await send({ UserId: '*', Type: 'system', Method: 'Maintenance', Payload: 'over' });
  expect(await phone.callsUntil('Maintenance', 2)).toEqual([['at 22:00'], ['over']]);
  const rejected = { rule: 'notifications', step: 'event' };
  expect(await readMetric(system().url, 'intake_rejected_total', rejected)).toBe(1);
});

test('binary messages, edits, deletions and reactions reach a user or a channel, as base64 over JSON and as bytes over MessagePack', async () => {
  const hub = ['binary-messages', 'messenger'] as const;
  const methods = ['Message', 'Edited', 'Deleted', 'Reacted', 'Joined', 'Left'];
  const [ana, bob] = [randomUUID(), randomUUID()];
  const channel = randomUUID();
  await using json = await connect(hub, methods, { user: ana });
  await using binary = await connect(hub, methods, { user: bob, isBinary: true, gateway: 1 });
  await json.connection.invoke('Join', channel);
  await binary.connection.invoke('Join', channel);
  expect(await json.callsUntil('Joined', 1)).toEqual([[bob]]);
  await eventually(async () => {
    const members = await json.connection.invoke<{ user_id: string }[]>('Members', channel);
    expect(members.map(({ user_id }) => user_id).sort()).toEqual([ana, bob].sort());
  });
  const bytes = Buffer.from([0, 255, 128, 10, 13, 65]);
  const write = (kind: string, to: string, more: Readonly<Record<string, string>> = {}) =>
    xadd(system().redis, 'messenger', { kind, to, from: ana, id: 'm-1', ...more });
  await write('message', `channel:${channel}`, { body: bytes.toString('base64') });
  await write('edit', `channel:${channel}`, { body: '' });
  await write('reaction', `channel:${channel}`, { emoji: '👍' });
  await write('delete', `channel:${channel}`);
  await write('message', `user:${bob}`, { body: bytes.toString('base64') });
  await binary.callsUntil('Message', 2);
  const inChannel = (body: (content: Buffer) => unknown) => [
    ['Message', 'm-1', ana, body(bytes)],
    ['Edited', 'm-1', ana, body(Buffer.alloc(0))],
    ['Reacted', 'm-1', ana, '👍'],
    ['Deleted', 'm-1', ana],
  ];
  const asBytes = (content: Buffer) => new Uint8Array(content);
  expect(binary.calls).toEqual([...inChannel(asBytes), ['Message', 'm-1', ana, asBytes(bytes)]]);
  await json.callsUntil('Deleted', 1);
  expect(json.calls.slice(1)).toEqual(inChannel((content) => content.toString('base64')));
  await binary.connection.stop();
  expect(await json.callsUntil('Left', 1)).toEqual([[bob]]);
});

test('events whose types contain colons reach everybody or a chat with its own stream, and a client resumes its chat', async () => {
  const hub = ['stream-per-room', 'live'] as const;
  const methods = ['user:online', 'user:offline', 'message:new', 'message:deleted'];
  const [chat, other] = [randomUUID(), randomUUID()];
  const write = (stream: string, type: string, more: Readonly<Record<string, string>> = {}) =>
    xadd(system().redis, `events:${stream}`, { type, user: 'ana', ...more });
  await using member = await connect(hub, methods);
  await using stranger = await connect(hub, methods, { isBinary: true });
  const { position } = await member.connection.invoke<{ readonly position: string }>('Enter', chat);
  await stranger.connection.invoke('Enter', other);
  // A new stream is found within 5 s, and read from its beginning.
  for (const text of ['one', 'two']) await write(`chat:${chat}`, 'message:new', { text });
  await write(`chat:${chat}`, 'message:deleted');
  await write(`chat:${other}`, 'message:new', { text: 'elsewhere' });
  await write('global', 'user:online');
  const at = expect.any(String);
  const ofChat = [
    ['message:new', { user: 'ana', text: 'one' }, at],
    ['message:new', { user: 'ana', text: 'two' }, at],
    ['message:deleted', { user: 'ana' }, at],
  ];
  await member.callsUntil('message:deleted', 1);
  expect(member.calls.filter(([method]) => method !== 'user:online')).toEqual(ofChat);
  expect(await stranger.callsUntil('message:new', 1)).toEqual([[{ user: 'ana', text: 'elsewhere' }, at]]);
  for (const client of [member, stranger])
    expect(await client.callsUntil('user:online', 1)).toEqual([[{ user: 'ana' }, at]]);
  await using back = await connect(hub, methods);
  const joined = await back.connection.invoke<object>('Enter', chat, position);
  expect(joined).toMatchObject({ recovered: true, replayed: 3 });
  expect(back.calls).toEqual(ofChat);
});
