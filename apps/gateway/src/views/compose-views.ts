// Connects the views of the application with the components of the gateway.
import { systemClock } from '@millrace/internal';
import type { MapHubOptions, SignalRServer } from '@millrace/signalr';
import type { RoomGuard } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import type { GuardedPresence } from '../hub/presence-methods.js';
import { LaggingConnections } from '../rooms/lagging-connections.js';
import type { ConnectionRoomsDependencies } from '../rooms/room-connection.js';
import type { Rooms } from '../rooms/rooms.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { EventForms, type ViewRejection } from './event-forms.js';
import { withGroupCalls } from './group-calls.js';
import { type AnyView, type ResolvedView, resolveView } from './resolved-view.js';
import { createViewHub } from './view-hub.js';
import { type PublishingDependencies, ViewPublishing } from './view-publishing.js';
import { viewRoomsDependencies } from './view-rooms.js';
import { ViewSender } from './view-sender.js';
import { type RunningView, Views } from './views.js';

/** The components that views use. */
export interface ViewComponents {
  readonly guard: RoomGuard;
  /** `undefined` if presence is switched off. */
  readonly presence: Pick<GuardedPresence, 'snapshot'> | undefined;
  readonly options: ResolvedGatewayOptions;
  readonly rooms: Rooms;
  readonly connectionRooms: ConnectionRoomsDependencies;
  readonly signalR: SignalRServer;
  readonly publishing: PublishingDependencies;
  /** The options of every hub of the gateway. */
  readonly hubOptions: MapHubOptions<User>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Maps the hubs of the application's views. Returns `undefined` if there are none. */
export function composeViews(components: ViewComponents): Views | undefined {
  const { views = [] } = components.options.app ?? {};
  if (views.length === 0) return undefined;
  // The cast is safe: `checkApplication` has checked the declarations.
  const resolved = views.map((view) => withGroupCalls(resolveView(view as unknown as AnyView)));
  return new Views(resolved.map((view) => runView(view, components)));
}

function runView(view: ResolvedView, components: ViewComponents): RunningView {
  const { connectionRooms, hubOptions, metrics, options, rooms, signalR } = components;
  const laggingConnections = new LaggingConnections();
  const forms = new EventForms(view, {
    catalog: options.catalog,
    maxBytes: Math.floor(options.maxOutboundBytes * 0.75),
    monotonicMs: () => systemClock.monotonicMs(),
    onRejected: rejectionReport(view, components),
  });
  const definition = createViewHub(view, {
    rooms: viewRoomsDependencies(connectionRooms, { view, forms, laggingConnections }),
    guard: components.guard,
    presence: components.presence,
    publishing: new ViewPublishing(components.publishing, options.catalog),
  });
  const { maxReceiveBytes } = view;
  const hub = signalR.mapHub(view.path, definition, {
    ...hubOptions,
    allowStatefulReconnects: view.allowsStatefulReconnect,
    ...(maxReceiveBytes === undefined ? {} : { limits: { maximumReceiveMessageBytes: maxReceiveBytes } }),
  });
  return { hub, sender: new ViewSender({ view, forms, hub, rooms, laggingConnections, metrics }) };
}

/** Counts each event that a view rejects. Logs the first one of each type and reason. */
function rejectionReport({ path }: ResolvedView, { metrics, logger }: ViewComponents) {
  const reported = new Set<string>();
  return (eventType: string, reason: ViewRejection, fault: string): void => {
    metrics.viewRejections.inc({ view: path, event_type: eventType, reason });
    const key = `${eventType} ${reason}`;
    if (reported.has(key)) return;
    reported.add(key);
    logger.warn(
      { view: path, eventType, reason, fault },
      'a view cannot make its messages for an event: its clients are not sent the event; correct the rule in the application module',
    );
  };
}
