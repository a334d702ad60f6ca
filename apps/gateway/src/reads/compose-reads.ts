// Connects the routes that read rooms with the components of the gateway.
import { systemClock } from '@millrace/internal';
import type { Authenticate } from '@millrace/signalr';
import type { RoomGuard } from '../access/room-guard.js';
import { allowedOriginsOf } from '../auth/allowed-origins.js';
import type { User } from '../auth/token-verifier.js';
import type { EventsHub } from '../hub/events-hub.js';
import type { Rooms } from '../rooms/rooms.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { ReadRoutesDependencies } from './read-routes.js';
import { ReaderAdmission } from './reader-admission.js';
import { RoomReads } from './room-reads.js';

/** The components that the routes use. */
export interface ReadComponents {
  readonly hub: Pick<EventsHub, 'listeners'>;
  readonly authenticate: Authenticate<User>;
  readonly rooms: Rooms;
  readonly guard: RoomGuard;
  readonly logger: Logger;
}

/** Creates the dependencies of the routes. */
export function composeReads(
  options: ResolvedGatewayOptions,
  { hub, authenticate, rooms, guard, logger }: ReadComponents,
): ReadRoutesDependencies {
  const { listeners } = hub;
  const reads = new RoomReads({
    rooms,
    guard,
    maxPageBytes: options.maxReplayBytesPerRoom,
    monotonicMs: () => systemClock.monotonicMs(),
  });
  const admission = new ReaderAdmission({
    authenticate,
    allowedOrigins: allowedOriginsOf(options.allowedOrigins, options.isDevelopment),
    listeners,
    reads,
    onOriginRefused: (origin) =>
      logger.warn(
        { origin },
        'origin refused: add it to MILLRACE_ALLOWED_ORIGINS if its pages may read rooms',
      ),
  });
  return {
    admission,
    reads,
    listeners,
    limits: { maxEvents: options.maxReplayEventsPerRoom, maxWaitMs: options.pollTimeoutMs },
  };
}
