// Every place in which a user needs the right to a room, by name. A new hub method or route is added to this list, and must be refused
// like the others. The places of views are in places-of-views.test.ts.
import { fakeClock } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessDecision } from '../../src/access/access-rule.js';
import { RoomGuard } from '../../src/access/room-guard.js';
import { defineApp } from '../../src/application/application.js';
import type { IssueToken } from '../../src/auth/token-issuer.js';
import { createGateway } from '../../src/gateway.js';
import { createEventsHub, type EventsHubDependencies } from '../../src/hub/events-hub.js';
import { ActiveTyping } from '../../src/indicators/active-typing.js';
import { openMemberWorld } from '../support/member-world.js';

/** The hub methods that need a room, each with arguments. */
const methodsWithRoom = {
  JoinRoom: ['room', undefined],
  SendTyping: ['room', true],
  MarkRead: ['room', ['3f2504e0-4f89-41d3-9a0c-0305e82c3301']],
  SetPresence: ['room', '{}'],
  GetMembers: ['room'],
  WatchMembers: ['room', true],
} as const;

/** The hub methods that need none: a user may leave every room, and a token belongs to a user. */
const methodsWithoutRoom = ['LeaveRoom', 'RefreshToken'];

interface Invocable {
  invoke(context: unknown, ...args: readonly unknown[]): unknown;
}

async function openHub() {
  const world = openMemberWorld();
  const done: string[] = [];
  const answer: { decision: AccessDecision } = { decision: 'allowed' };
  const rule = { refusal: 'You may not enter this room.', isAskedAgain: true, decide: () => answer.decision };
  const { revocations } = world;
  const dependencies: Partial<EventsHubDependencies> = {
    guard: new RoomGuard({ rule, revocations, revocationSync: { recheck: async () => 'removed' } }),
    publisher: {
      publish: async (type: string, roomId: string) => {
        done.push(`${type} in ${roomId}`);
        return { status: 'stored', position: undefined } as never; // The hub does not read the result.
      },
    },
    presence: {
      setState: (room) => void done.push(`state in ${room}`),
      watch: (room) => void done.push(`watch ${room}`),
      unwatch: (room) => void done.push(`unwatch ${room}`),
      snapshot: async (room) => {
        done.push(`members of ${room}`);
        return { room_id: room, version: 1, users: 0, connections: 0 };
      },
    },
    activeTyping: new ActiveTyping({ expiryMs: 1, maxRoomsPerUser: 1 }),
    rateLimit: { take: () => 0 } as never, // The limit of the user is not reached.
    tenantRate: undefined,
    ownerKeyOf: () => 'me',
    monotonicMs: () => fakeClock().monotonicMs(),
    rooms: { indicators: { find: () => ({ eventOf: () => ({ type: 'typing', payload: {} }) }) } } as never,
  };
  const { methods } = createEventsHub(dependencies as EventsHubDependencies);
  const context = Object.assign(world.connection, { items: world.rooms, request: { query: new Map() } });
  const call = async (
    name: string,
    args: readonly unknown[] = methodsWithRoom[name as keyof typeof methodsWithRoom],
  ): Promise<unknown> =>
    (methods as unknown as Readonly<Record<string, Invocable>>)[name]?.invoke(context, ...args);
  return { ...world, methods, call, answer, done, context };
}

describe('hub methods', () => {
  it('the list has every method of the hub', async () => {
    const { methods } = await openHub();
    expect(Object.keys(methods).sort()).toEqual(
      [...Object.keys(methodsWithRoom), ...methodsWithoutRoom].sort(),
    );
  });

  it.each(Object.keys(methodsWithRoom))(
    '%s does nothing when the rule refuses or is unavailable',
    async (name) => {
      const { rooms, connection, call, answer, done } = await openHub();
      if (name !== 'JoinRoom') await rooms.join(connection, 'room', undefined);
      answer.decision = 'refused';
      await expect(call(name)).rejects.toThrow('You may not enter this room.');
      answer.decision = 'away';
      await expect(call(name)).rejects.toThrow(/cannot be determined now\. Try again later\.$/);
      expect(done).toEqual([]);
      expect(rooms.has('room')).toBe(name !== 'JoinRoom');
      answer.decision = 'allowed';
      await call(name);
      if (name === 'JoinRoom') expect(rooms.has('room')).toBe(true);
      else expect(done).toHaveLength(1);
    },
  );

  it.each(Object.keys(methodsWithRoom))('%s does nothing for a removed user', async (name) => {
    const { rooms, connection, call, done, remove } = await openHub();
    if (name !== 'JoinRoom') await rooms.join(connection, 'room', undefined);
    remove('room');
    await expect(call(name)).rejects.toThrow(/removed from this room/);
    expect(done).toEqual([]);
  });

  it('a call that stops watching members does not ask the access rule, because it opens no room', async () => {
    const { call, answer, done } = await openHub();
    answer.decision = 'away';
    await call('WatchMembers', ['room', false]);
    await call('WatchMembers', ['user:me', false]);
    expect(done).toEqual(['unwatch room', 'unwatch user:me-or-somebody']);
  });
});

describe('routes', () => {
  /** The routes with a room that a user with a token reads with GET or HEAD, and how. */
  const routes = {
    '/v1/rooms/:room/events': ['?after=', '?wait=1'],
    '/v1/rooms/:room/position': [''],
    '/v1/rooms/:room/members': [''],
  } as const;
  const reads = Object.entries(routes).flatMap(([path, queries]) =>
    ['GET', 'HEAD'].map((method) => ({ route: `${method} ${path}`, method, path, queries })),
  );

  /** The routes with a room that accept API keys only. */
  const keyRoutes = [
    'DELETE /v1/rooms/:room/events',
    'POST /v1/rooms/:room/members/:user',
    'POST /v1/rooms/:room/members/:user/remove',
  ];

  let printed = '';
  let issueToken: IssueToken | undefined;
  let isAllowed = false;
  const apiKey = 'k'.repeat(32);
  const gateway = createGateway({
    port: 0,
    drainMs: 0,
    jwtSecret: 's'.repeat(32),
    apiKeys: [apiKey],
    app: defineApp({
      access: { mayEnter: async () => isAllowed },
      http(host) {
        printed = host.http.printRoutes({ commonPrefix: false });
        issueToken = host.issueToken;
        return undefined;
      },
    }),
    accessRefusalCacheMs: 0,
  });
  let url = '';
  beforeAll(async () => {
    ({ url } = await gateway.start());
  });
  afterAll(() => gateway.stop());

  it('the list has every route with a room', () => {
    const withRoom = routesOf(printed).filter((route) => route.includes('/rooms/'));
    expect(withRoom.sort()).toEqual([...reads.map(({ route }) => route), ...keyRoutes].sort());
  });

  it.each(reads)('$route is refused when the rule refuses', async ({ method, path, queries }) => {
    const token = await issueToken?.({ userId: 'ana', name: 'Ana', rooms: ['*'] }, 5);
    for (const query of queries)
      for (const accept of ['application/json', 'text/event-stream']) {
        const response = await fetch(`${url}${path.replace(':room', 'lobby')}${query}`, {
          method,
          headers: { authorization: `Bearer ${token}`, accept },
        });
        expect(response.status).toBe(403);
        if (method === 'GET') expect(await response.json()).toMatchObject({ code: 'room_forbidden' });
      }
  });
});

/** Reads the tree of routes that Fastify prints: `│   └── /:user (POST)`. */
function routesOf(printed: string): string[] {
  const parents: string[] = [];
  return printed.split('\n').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] =
      /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \((.*)\))?$/.exec(line) ?? [];
    const depth = indent.length / 4;
    parents.length = depth;
    parents.push(path.replace(/:\w+\|/g, ''));
    if (methods === '') return [];
    return methods.split(', ').map((method) => `${method} ${parents.join('')}`);
  });
}
