// Connects presence with the components of the gateway.
import type { Broker } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import type { Hub } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import type { Rooms } from '../rooms/rooms.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Presence } from './presence.js';

/** The components that presence uses. */
export interface PresenceComponents {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly rooms: Rooms;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Returns the hub. This is a function because the hub is created after presence: the hub's methods use presence. */
  hub(): Pick<Hub<EventsClient>, 'clients'>;
}

/** Creates the presence of a gateway. Returns `undefined` if presence is switched off. */
export function composePresence({
  options,
  broker,
  rooms,
  metrics,
  logger,
  hub,
}: PresenceComponents): Presence | undefined {
  if (!options.isPresenceOn) return undefined;
  const {
    presenceGraceMs: graceMs,
    presenceIntervalMs: intervalMs,
    maxPresenceMembers: maxMembers,
  } = options;
  return new Presence(
    { graceMs, intervalMs, maxMembers },
    {
      broker,
      clock: systemClock,
      logger,
      random: Math.random,
      send: (connectionIds, message) => {
        hub().clients.clients(connectionIds).send('presence', message);
        metrics.presenceMessages.inc({ kind: message.kind }, connectionIds.length);
      },
      isLagging: (connectionId) => rooms.laggingConnections.has(connectionId),
      onWritten: (edits) => metrics.presenceWrites.inc(edits),
      onSwept: (users) => metrics.presenceSwept.inc(users),
      onLeaseLost: () => metrics.presenceLeasesLost.inc(),
    },
  );
}
