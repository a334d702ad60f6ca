// The members of a room: hub methods, messages, and the routes for backends.
import { HttpTransportType } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  PresenceClient,
  type PresenceMessage,
  type RoomMember,
} from '../../fixtures/clients/presence-client.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const gateway = sharedSystem(() =>
  GatewayProcess.start({ MILLRACE_PRESENCE_GRACE_MS: '500', MILLRACE_MAX_PRESENCE_MEMBERS: '5' }),
);

const connect = (user: string, key?: string): Promise<PresenceClient> =>
  PresenceClient.connect(gateway().url, user, key);

async function getJson(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${gateway().url}${path}`, { headers });
  return { status: response.status, body: await response.json() };
}

test.each(['', 'me', '%00', 'x'.repeat(201)])(
  'whether the user %j is online is answered with 400, not with a request to try again',
  async (user) => {
    const { status, body } = await getJson(`/v1/users/${user}/online`);
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'invalid_parameter',
      detail: expect.stringMatching(/user ID must be/) as string,
    });
  },
);

describe('the members of a room', () => {
  test('a watching client is told all members, then every change', async () => {
    await using ana = await connect('ana');
    await ana.watch('told');
    const alone = await ana.untilUsers('told', ['ana']);
    expect(alone).toMatchObject({ users: 1, connections: 1 });
    expect([...alone.members.values()]).toStrictEqual([
      {
        user_id: 'ana',
        username: 'ANA',
        connections: 1,
        since: expect.stringMatching(/Z$/) as string,
        state: null,
      },
    ]);
    await using bob = await connect('bob');
    await bob.join('told');
    await ana.untilUsers('told', ['ana', 'bob']);
    await bob.call('SetPresence', 'told', { viewing: 'notes' });
    await ana.until(
      'told',
      ({ members }) => JSON.stringify(members.get('bob')?.state) === '{"viewing":"notes"}',
    );
    await bob.call('LeaveRoom', 'told');
    await ana.untilUsers('told', ['ana']);
    expect(ana.kinds).toEqual(['snapshot', 'delta', 'delta', 'delta']);
    expect(bob.kinds).toEqual([]);
  });

  test('a state with a value of MessagePack that JSON does not have is refused, and a date becomes text', async () => {
    await using ana = await EventLog.connect(gateway().url, { isBinary: true, query: '?user=ana' });
    await ana.join('binary');
    for (const state of [
      Number.NaN,
      { a: [Number.POSITIVE_INFINITY] },
      Buffer.from('abc'),
      { a: new Uint8Array(2) },
    ])
      await expect(ana.connection.invoke('SetPresence', 'binary', state)).rejects.toThrow(
        /no value that JSON does not have, such as NaN or bytes/,
      );
    await ana.connection.invoke('SetPresence', 'binary', { at: new Date(1_000) });
    await eventually(async () =>
      expect(await getJson('/v1/rooms/binary/members')).toMatchObject({
        body: { members: [{ state: { at: '1970-01-01T00:00:01.000Z' } }] },
      }),
    );
  });

  test('a user with several connections is one member with the newest state', async () => {
    await using watcher = await connect('watcher');
    await watcher.watch('several');
    await using desk = await connect('ana', 'key-of-desk');
    await using phone = await connect('ana', 'key-of-phone');
    await desk.join('several');
    await phone.join('several');
    await watcher.until('several', ({ members }) => members.get('ana')?.connections === 2);
    await desk.call('SetPresence', 'several', 'desk');
    await phone.call('SetPresence', 'several', 'phone');
    await watcher.until('several', ({ members }) => members.get('ana')?.state === 'phone');
    await phone.call('LeaveRoom', 'several');
    const left = await watcher.until('several', ({ members }) => members.get('ana')?.connections === 1);
    expect(left.members.get('ana')?.state).toBe('desk');
  });

  test('a connection that ends counts for the grace and is then gone', async () => {
    await using watcher = await connect('watcher');
    await watcher.watch('grace');
    await using ana = await connect('ana');
    await ana.join('grace');
    await watcher.untilUsers('grace', ['ana', 'watcher']);
    const cutAtMs = performance.now();
    ana.cut();
    const state = await watcher.untilUsers('grace', ['watcher']);
    expect(state.atMs - cutAtMs).toBeGreaterThan(450);
  });

  test('a client that reconnects without a key replaces its lost connection', async () => {
    await using watcher = await connect('watcher');
    await watcher.watch('plain');
    await using first = await connect('ana');
    await first.join('plain');
    const before = await watcher.untilUsers('plain', ['ana', 'watcher']);
    first.cut();
    await using second = await connect('ana');
    await second.join('plain');
    await second.call('SetPresence', 'plain', 'back');
    const after = await watcher.until('plain', ({ members }) => members.get('ana')?.state === 'back');
    expect(after.members.get('ana')).toMatchObject({
      connections: 1,
      since: before.members.get('ana')?.since,
    });
    expect(watcher.told.get('plain')?.every(({ users }, at) => at < 1 || users === 2)).toBe(true);
  });

  test('a room with too many members shows numbers until they are few again', async () => {
    await using watcher = await connect('watcher');
    await watcher.watch('large');
    const others = await Promise.all(Array.from({ length: 6 }, (_, n) => connect(`u${n}`)));
    for (const other of others) await other.join('large');
    await watcher.until(
      'large',
      ({ users, connections, members }) => users === 7 && connections === 7 && members.size === 0,
    );
    expect(await watcher.call('GetMembers', 'large')).toStrictEqual({
      room_id: 'large',
      version: expect.any(Number) as number,
      users: 7,
      connections: 7,
    });
    const toldBefore = watcher.kinds.length;
    for (const other of others.slice(2)) await other.call('LeaveRoom', 'large');
    await watcher.untilUsers('large', ['u0', 'u1', 'watcher']);
    expect(watcher.kinds.slice(toldBefore)).toContain('snapshot');
    for (const other of others) other.cut();
  });

  test('GetMembers answers a client that does not watch, and a second WatchMembers sends all members again', async () => {
    await using ana = await connect('ana');
    await ana.join('asked');
    await eventually(async () => {
      const { members } = (await ana.call('GetMembers', 'asked')) as PresenceMessage;
      expect(members).toMatchObject([{ user_id: 'ana', connections: 1 }]);
    });
    expect(ana.kinds).toEqual([]);
    await ana.call('WatchMembers', 'asked', true);
    await ana.untilUsers('asked', ['ana']);
    await ana.call('WatchMembers', 'asked');
    await ana.until('asked', () => ana.kinds.length === 2);
    expect(ana.kinds).toEqual(['snapshot', 'snapshot']);
    await ana.call('WatchMembers', 'asked', false);
    await using bob = await connect('bob');
    await bob.watch('asked');
    await bob.untilUsers('asked', ['ana', 'bob']);
    expect(ana.kinds).toHaveLength(2);
  });

  test('calls for an unjoined room and invalid states are refused', async () => {
    await using ana = await connect('ana');
    for (const method of ['SetPresence', 'GetMembers', 'WatchMembers'])
      await expect(ana.call(method, 'elsewhere', true)).rejects.toThrow('Join the room first');
    await ana.join('refused');
    await expect(ana.call('SetPresence', 'refused', 'x'.repeat(1_023))).rejects.toThrow('at most 1024 bytes');
    await expect(ana.call('SetPresence', 'refused', JSON.parse('[{"__proto__":1}]'))).rejects.toThrow(
      'every client can read',
    );
    const deep = JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) as unknown;
    await expect(ana.call('SetPresence', 'refused', deep)).rejects.toThrow('every client can read');
    await expect(ana.call('WatchMembers', 'refused', 'yes')).rejects.toThrow('true or false');
    expect(await ana.call('SetPresence', 'refused', 'x'.repeat(1_022))).toBeFalsy();
    expect(await ana.call('SetPresence', 'user:me', 'away')).toBeFalsy();
  });

  test('a client with long polling and MessagePack can watch and set its state', async () => {
    await using ana = await EventLog.connect(gateway().url, {
      query: '?user=ana&name=Ana',
      transport: HttpTransportType.LongPolling,
      isBinary: true,
    });
    const seen: PresenceMessage[] = [];
    ana.connection.on('presence', (message: PresenceMessage) => seen.push(message));
    await ana.join('binary');
    await ana.connection.invoke('WatchMembers', 'binary');
    await ana.connection.invoke('SetPresence', 'binary', { n: 7, list: [true, null] });
    await eventually(() => expect(seen.at(-1)).toMatchObject({ room_id: 'binary', users: 1 }));
    await eventually(() => {
      const members = seen.flatMap(
        ({ members: all, changed }): readonly RoomMember[] => all ?? changed ?? [],
      );
      expect(members.at(-1)?.state).toEqual({ n: 7, list: [true, null] });
    });
  });
});

describe('the routes for backends', () => {
  test('the routes for members and online state follow the connections', async () => {
    expect(await getJson('/v1/users/zoe/online')).toEqual({
      status: 200,
      body: { user_id: 'zoe', online: false, connections: 0 },
    });
    await using zoe = await connect('zoe', 'key-of-zoe');
    await zoe.join('a room/with ü');
    await eventually(async () => {
      const { status, body } = await getJson(`/v1/rooms/${encodeURIComponent('a room/with ü')}/members`);
      expect([status, body]).toMatchObject([
        200,
        { users: 1, connections: 1, members: [{ user_id: 'zoe', username: 'ZOE' }] },
      ]);
    });
    await zoe.call('LeaveRoom', 'a room/with ü');
    await eventually(async () => {
      const { body } = await getJson(`/v1/rooms/${encodeURIComponent('a room/with ü')}/members`);
      expect(body).toMatchObject({ users: 0, members: [] });
    });
    expect(await getJson('/v1/users/zoe/online')).toMatchObject({
      status: 200,
      body: { online: true, connections: 1 },
    });
    zoe.cut();
    await eventually(async () =>
      expect((await getJson('/v1/users/zoe/online')).body).toMatchObject({ online: false }),
    );
  });

  test('a key without the scope, a room that the key or the token does not allow, and an invalid room ID are refused', async () => {
    const keys = [
      { name: 'writer', key: 'a-key-that-may-publish' },
      { name: 'reader', key: 'a-key-that-may-read-x', scopes: ['read'], rooms: ['x:*'] },
    ];
    await using closed = await GatewayProcess.start({
      ...normalMode,
      MILLRACE_API_KEYS: JSON.stringify(keys),
    });
    const status = async (path: string, key?: string): Promise<number> => {
      const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
      return (await fetch(`${closed.url}${path}`, { headers })).status;
    };
    expect(await status('/v1/rooms/x:1/members')).toBe(401);
    expect(await status('/v1/rooms/x:1/members', 'a-key-that-may-publish')).toBe(403);
    expect(await status('/v1/rooms/y/members', 'a-key-that-may-read-x')).toBe(403);
    expect(await status('/v1/users/bob/online', 'a-key-that-may-read-x')).toBe(403);
    expect(await status('/v1/rooms/x:%0A/members', 'a-key-that-may-read-x')).toBe(400);
    expect(await status('/v1/rooms/x:1/members', 'a-key-that-may-read-x')).toBe(200);
    const token = await signToken({ sub: 'ana', rooms: ['y'] });
    expect(await status('/v1/rooms/y/members', token)).toBe(200);
    expect(await status('/v1/rooms/user:me/members', token)).toBe(200);
    expect(await status('/v1/rooms/x:1/members', token)).toBe(403);
    expect(await status('/v1/users/ana/online', token)).toBe(401);
  });

  test('a gateway without presence refuses its methods, and clients join as usual', async () => {
    await using without = await GatewayProcess.start({ MILLRACE_PRESENCE: '0' });
    await using client = await PresenceClient.connect(without.url, 'ana');
    await client.join('r');
    await expect(client.call('GetMembers', 'r')).rejects.toThrow('switched off');
    expect((await fetch(`${without.url}/v1/rooms/r/members`)).status).toBe(404);
  });
});

test('a client that does not watch gets no message about members', async () => {
  await using ana = await EventLog.connect(gateway().url, { query: '?user=ana&name=Ana' });
  const seen: unknown[] = [];
  ana.connection.on('presence', (message: unknown) => seen.push(message));
  await ana.join('quiet');
  await using bob = await connect('bob');
  await bob.watch('quiet');
  await bob.untilUsers('quiet', ['ana', 'bob']);
  expect(seen).toEqual([]);
});
