// The messages that a client of a view receives when a stream has lost events of its rooms.
import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices } from '../../src/rooms/loss-notices.js';
import { keyOf } from '../../src/views/view-groups.js';
import { type ViewRoomsContext, viewRoomsDependencies } from '../../src/views/view-rooms.js';
import { createReplayWorld } from '../support/replay-world.js';
import { openConnection, roomsDependencies, streamLosses } from '../support/room-connection.js';
import type { UnguardedRooms } from '../support/unguarded.js';

const CHAT = 'events:chat';

/** Opens a connection that is in two groups of a room, and in one of another room. */
async function openViewClient() {
  const world = createReplayWorld();
  const lossNotices = new LossNotices({ clock: fakeClock(), random: Math.random });
  const base = roomsDependencies(world, { lossNotices });
  const context: ViewRoomsContext = {
    view: { groups: ['list', 'detail'], standing: [], notices: { resync: 'Reload', position: 'Position' } },
    forms: { ofCall: () => [], ofEvent: () => [] },
    laggingConnections: new LaggingConnections(),
  };
  const rooms: UnguardedRooms = new ConnectionRooms(viewRoomsDependencies(base, context));
  const log: string[] = [];
  const hooks: { onSend?: (() => void) | undefined } = {};
  const client = openConnection({ userId: 'ana' }, (target, argument) => {
    const { room } = argument as { readonly room?: string };
    log.push(room === undefined ? target : `${target} ${room}`);
    hooks.onSend?.();
  });
  for (const key of [keyOf('list', 'a'), keyOf('detail', 'a'), keyOf('list', 'b')])
    await rooms.join(client.connection, key, undefined);
  rooms.begin(client.connection);
  return { ...client, rooms, log, hooks, lossNotices, losses: streamLosses(world, lossNotices) };
}

it('a client of a view is told once of each room, even if it is in several groups there and becomes too slow meanwhile', async () => {
  const { rooms, connection, log, hooks, losses, lossNotices, read } = await openViewClient();
  losses.overtaken(CHAT, '1-0');
  const action = new Promise<string>((resolve) => {
    hooks.onSend = () => {
      hooks.onSend = undefined;
      void rooms.fallBehind(connection).then(resolve);
    };
  });
  lossNotices.notifyNow('c1');
  for (let round = 0; round < 3; round += 1) await read();
  expect([await action, log]).toEqual(['keep', ['Reload a', 'Reload b', 'Position']]);
});

it('a slow client of a view is told once of each room of a loss that is found while it lags', async () => {
  const { rooms, connection, log, losses, read } = await openViewClient();
  const action = rooms.fallBehind(connection);
  losses.gap(CHAT, 1, false);
  expect(log).toEqual([]);
  for (let round = 0; round < 3; round += 1) await read();
  expect([await action, log]).toEqual(['keep', ['Reload a', 'Reload b', 'Position']]);
});
