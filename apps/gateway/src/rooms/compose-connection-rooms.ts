// Connects the rooms of connections with the components of the gateway. All hubs use the result.
import { systemClock } from '@millrace/internal';
import type { BudgetOwner } from '@millrace/signalr';
import type { ClientOwners } from '../auth/client-owners.js';
import { connectionPresence, NO_PRESENCE } from '../presence/connection-presence.js';
import type { Presence } from '../presence/presence.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TenantBudgets } from '../tenants/tenant-budgets.js';
import type { ConnectionRoomsDependencies, RoomConnection } from './room-connection.js';
import { RoomCounts } from './room-counts.js';
import type { Rooms } from './rooms.js';

/** The components that the rooms of connections use. */
export interface ConnectionRoomsComponents {
  readonly options: ResolvedGatewayOptions;
  readonly metrics: Metrics;
  readonly rooms: Rooms;
  /** `undefined` if presence is switched off. */
  readonly presence: Presence | undefined;
  readonly clientOwners: ClientOwners;
  /** `undefined` if rooms have no tenants. */
  readonly tenantBudgets: TenantBudgets | undefined;
}

/** Creates the dependencies of `ConnectionRooms`. */
export function composeConnectionRooms({
  options,
  metrics,
  rooms,
  presence,
  clientOwners,
  tenantBudgets,
}: ConnectionRoomsComponents): ConnectionRoomsDependencies {
  const { positions, replay } = rooms;
  const roomCounts = new RoomCounts(options.maxRoomsPerUser);
  const ownerOf = (connection: RoomConnection): BudgetOwner =>
    clientOwners.of(connection.request, connection) ?? { key: connection.connectionId };
  return {
    currentPosition: (roomId) => positions.ofRoom(roomId),
    catchUp: (target, after) => replay.catchUp(target, after),
    deliveryPoint: (roomId) => replay.deliveryPoint(roomId),
    catchUpFromMemory: (lagging, connection) => replay.catchUpFromMemory(lagging, connection),
    indicators: rooms.indicators,
    laggingConnections: rooms.laggingConnections,
    standing: rooms.standing,
    lossNotices: rooms.lossNotices,
    presence: presence === undefined ? NO_PRESENCE : connectionPresence(presence),
    replayAttempts: rooms.replayAttempts,
    revocations: rooms.revocations,
    memberConnections: rooms.memberConnections,
    monotonicMs: () => systemClock.monotonicMs(),
    positionOfEveryRoom: () => positions.ofEveryRoom(),
    maxRoomsPerConnection: options.maxRoomsPerConnection,
    tenantConnections: tenantBudgets?.connections,
    userRooms: {
      tryAdd: (connection) => {
        const isAdded = roomCounts.tryAdd(ownerOf(connection));
        if (!isAdded) metrics.callsRefused.inc({ reason: 'too_many_rooms' });
        return isAdded;
      },
      remove: (connection, count) => roomCounts.remove(ownerOf(connection), count),
    },
    onSlowClientEnded: (outcome) => metrics.slowClients.inc({ outcome }),
  };
}
