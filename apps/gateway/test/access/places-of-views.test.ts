// Every place in which the code of a view uses a room, by name. A new function of the caller is added to this list.
import { describe, expect, it } from 'vitest';
import type { AccessDecision } from '../../src/access/access-rule.js';
import { RoomGuard } from '../../src/access/room-guard.js';
import { type AnyView, resolveView } from '../../src/views/resolved-view.js';
import { callerOf } from '../../src/views/view-connection.js';
import { createViewHub, type ViewHubDependencies } from '../../src/views/view-hub.js';
import type { ViewCaller } from '../../src/views/view-method.js';
import { openMemberWorld } from '../support/member-world.js';

/** The methods of the view: each uses the room in one of the ways in which a view can. */
const methods = {
  Enter: { join: 'group' },
  Exit: { leave: 'group' },
  join: (caller: ViewCaller, room: unknown) => caller.join('group', room),
  publish: (caller: ViewCaller, room: unknown) => caller.publish('any', room, {} as never),
  sendToOthers: (caller: ViewCaller, room: unknown) => caller.sendToOthers({ group: 'group', room }, 'Told'),
  members: (caller: ViewCaller, room: unknown) => caller.members(room),
  isIn: (caller: ViewCaller, room: unknown) => caller.isIn('group', String(room)),
} as const;

const methodsThatAsk = ['Enter', 'join', 'members', 'publish', 'sendToOthers'] as const;

/** The parts of a caller that need no right: a client may leave every room, and `isIn` only tells what was opened before. */
const partsWithoutRight = ['connectionId', 'user', 'query', 'state', 'leave', 'isIn', 'reply'];

interface Invocable {
  invoke(context: unknown, ...args: readonly unknown[]): unknown;
}

function openView() {
  const world = openMemberWorld();
  const { revocations, rooms } = world;
  const done: string[] = [];
  const prepared: string[] = [];
  const answer: { decision: AccessDecision } = { decision: 'allowed' };
  const rule = {
    refusal: 'You may not enter this room.',
    isAskedAgain: true,
    decide: () => answer.decision,
    prepare: (_: unknown, roomId: string) => void prepared.push(roomId),
  };
  const guard = new RoomGuard({ rule, revocations, revocationSync: { recheck: async () => 'removed' } });
  const view = resolveView({
    path: '/hubs/view',
    groups: ['group'],
    methods,
    clientMethods: ['Told'],
    groupCalls: 'calls',
  } as unknown as AnyView); // The static types of the view are erased, as in the gateway.
  const dependencies: Partial<ViewHubDependencies> = {
    guard,
    presence: {
      snapshot: async (room) => {
        done.push(`members of ${room}`);
        return { room_id: room, version: 1, users: 0, connections: 0 };
      },
    },
    publishing: {
      publish: async (_: unknown, { type, roomId }: { type: string; roomId: string }) =>
        void done.push(`${type} in ${roomId}`),
    } as never, // Only `publish` is called.
  };
  const hub = createViewHub(view, dependencies as ViewHubDependencies);
  const context = Object.assign(world.connection, {
    items: { rooms, state: new Map() },
    request: { query: new Map() },
  });
  const call = async (name: string): Promise<unknown> => {
    const declared: unknown = hub.methods[name];
    return typeof declared === 'function'
      ? declared(context, 'room')
      : (declared as Invocable).invoke(context, 'room');
  };
  return { ...world, hub, view, guard, context, dependencies, answer, done, prepared, call };
}

describe('views', () => {
  it('the list of places contains every member of a caller', () => {
    const { context, view, dependencies } = openView();
    const parts = Object.keys(callerOf(context as never, { ...(dependencies as ViewHubDependencies), view }));
    const asking = methodsThatAsk.filter((name) => name !== 'Enter');
    expect(parts.sort()).toEqual([...asking, ...partsWithoutRight].sort());
  });

  it.each(methodsThatAsk)(
    'the method %s does nothing if the rule refuses, if the rule is unavailable, or if the user was removed',
    async (name) => {
      const { call, answer, done, groups, remove } = openView();
      answer.decision = 'refused';
      await expect(call(name)).rejects.toThrow('You may not enter this room.');
      answer.decision = 'away';
      await expect(call(name)).rejects.toThrow(/cannot be determined now\. Try again later\.$/);
      expect([...done, ...groups]).toEqual([]);
      answer.decision = 'allowed';
      await call(name);
      expect([...done, ...groups]).toHaveLength(1);
      remove('room');
      await expect(call(name)).rejects.toThrow(/removed from this room/);
      expect(done.length).toBeLessThanOrEqual(1);
    },
  );

  it('neither a leave nor `isIn` asks the access rule', async () => {
    const { call, answer } = openView();
    await call('Enter');
    answer.decision = 'away';
    expect(await call('isIn')).toBe(true);
    await call('Exit');
    expect(await call('isIn')).toBe(false);
  });

  it('a declared join asks the access rule early, unless the room ID is invalid', () => {
    const { hub, context, prepared } = openView();
    const { prepare } = hub.methods['Enter'] as { prepare(context: unknown, ...args: unknown[]): void };
    prepare(context, 'room');
    prepare(context, 'user:me');
    expect(() => prepare(context, '')).toThrow(/The room ID must be/);
    expect(prepared).toEqual(['room']);
  });

  it('a new token makes a connection leave the rooms that the rule refuses', async () => {
    const { hub, call, context, answer, groups } = openView();
    await call('Enter');
    answer.decision = 'away';
    await hub.onAuthenticationRefreshed?.(context as never);
    expect(groups.size).toBe(1);
    answer.decision = 'refused';
    await hub.onAuthenticationRefreshed?.(context as never);
    expect(groups.size).toBe(0);
  });
});
