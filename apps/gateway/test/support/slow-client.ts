// The rooms of one connection with a real replay. A test decides when the client reads.
import { eventCatalog, type IndicatedUser, indicatorsOf } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices, pendingNoticeGroup } from '../../src/rooms/loss-notices.js';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { createReplayWorld } from './replay-world.js';
import { openConnection, roomsDependencies, streamLosses } from './room-connection.js';
import type { UnguardedRooms } from './unguarded.js';

const indicators = indicatorsOf(eventCatalog.eventTypes);
export const me = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
export const ana: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3302', username: 'ana' };
export const bob: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3303', username: 'bob' };

interface Sent {
  readonly content?: string;
  readonly event_type?: string;
  readonly payload?: { readonly username: string };
  readonly room_id?: string;
  readonly reason?: string;
}

/** Opens a connection of the user {@link me}. */
export function openSlowClient(maxRoomsPerConnection = 1_000, standing = new StandingRooms(undefined)) {
  const world = createReplayWorld();
  const log: string[] = [];
  const hooks: { onSend?: (() => void) | undefined; onLine?: (line: string) => void } = {};
  const outcomes: string[] = [];
  const laggingConnections = new LaggingConnections();
  const lossNotices = new LossNotices({ clock: fakeClock(), random: Math.random });
  const losses = streamLosses(world, lossNotices);
  let typing: readonly IndicatedUser[] = [];
  const rooms: UnguardedRooms = new ConnectionRooms(
    roomsDependencies(world, {
      currentPosition: () => 'now',
      positionOfEveryRoom: () => 'now',
      indicators: {
        in: () => new Map([['typing', typing]]),
        find: (name) => indicators.get(name),
      },
      standing,
      laggingConnections,
      lossNotices,
      maxRoomsPerConnection,
      onSlowClientEnded: (outcome) => outcomes.push(outcome),
    }),
  );
  const { connection, groups, read, abort } = openConnection({ userId: me }, (target, argument) => {
    const line = lineOf(target, argument as Sent);
    log.push(line);
    hooks.onLine?.(line);
    hooks.onSend?.();
  });
  return {
    ...world,
    rooms,
    connection,
    groups,
    laggingConnections,
    lossNotices,
    log,
    hooks,
    outcomes,
    /** Delivers an event as the gateway does: first to memory, then to the connection if it is in the room's group. */
    deliver(content: string, roomId = 'room'): void {
      world.deliver(content, roomId);
      if (groups.has(roomId) || groups.has(pendingNoticeGroup(roomId))) log.push(content);
    },
    /** The gateway finds that the chat stream has lost an entry before the newest one. */
    findLoss: () => losses.gap('events:chat', 1, false),
    setTyping: (users: readonly IndicatedUser[]) => {
      typing = users;
    },
    read,
    /** Ends the connection. */
    end(): void {
      abort();
      rooms.end(connection, false);
    },
  };
}

/** Describes a message to the client: the content of an event, a loss, or who is typing. */
function lineOf(target: string, { content, event_type, payload, room_id, reason }: Sent): string {
  if (reason !== undefined) return `${reason} ${room_id}`;
  return content ?? (event_type === undefined ? target : `${payload?.username} ${event_type}`);
}
