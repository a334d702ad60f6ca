// The hub of a view: what happens to its connections, and the methods that clients may call.
import { defineHub, HubError } from '@millrace/signalr';
import type { RoomGuard } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import type { EventsClient } from '../hub/events-client.js';
import { enterStandingRooms, isOfGateway } from '../hub/events-hub.js';
import { ConnectionRooms } from '../rooms/connection-rooms.js';
import type { ConnectionRoomsDependencies } from '../rooms/room-connection.js';
import type { ResolvedView } from './resolved-view.js';
import { type CallerDependencies, callerOf } from './view-connection.js';
import type { ViewConnection } from './view-context.js';
import { roomOf } from './view-groups.js';
import { hubMethods } from './view-methods.js';
import type { ViewPublishing } from './view-publishing.js';

/** Dependencies of {@link createViewHub}. */
export interface ViewHubDependencies extends Omit<CallerDependencies, 'view' | 'publishing'> {
  readonly publishing: ViewPublishing;
  readonly rooms: ConnectionRoomsDependencies;
  readonly guard: Pick<RoomGuard, 'enter' | 'enterToSend' | 'mayStay' | 'nameOf' | 'prepare'>;
}

/**
 * Runs a hook for a client that is gone. A refused or unstored event is ignored, because nobody waits for the answer. A stopping gateway
 * stores no events any more.
 */
async function runHook(hook: () => void | Promise<void>): Promise<void> {
  try {
    await hook();
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
  }
}

/** Creates the hub's definition. */
export function createViewHub(view: ResolvedView, dependencies: ViewHubDependencies) {
  const { guard, presence, publishing } = dependencies;
  const callers: CallerDependencies = { view, guard, presence, publishing };
  return defineHub<EventsClient, User, ViewConnection>()({
    createItems: () => ({ rooms: new ConnectionRooms(dependencies.rooms), state: new Map() }),

    async onConnected(context) {
      publishing.connected(context.user);
      context.items.rooms.begin(context);
      // The rooms are entered before the hook runs, so that the client misses no event while it runs.
      enterStandingRooms(context, dependencies.rooms.standing);
      await view.onConnected?.(callerOf(context, callers));
    },

    async onDisconnected(context, error) {
      // The hook begins before the rooms are left, so that it can read them.
      const hook =
        view.onDisconnected === undefined
          ? undefined
          : runHook(() => view.onDisconnected?.(callerOf(context, callers)));
      context.items.rooms.end(context, isOfGateway(error));
      await Promise.all([hook, publishing.disconnected(context.user)]);
    },

    onAuthenticationRefreshed(context) {
      const { user } = context;
      context.items.rooms.keepOnly(context, (key) => guard.mayStay(user, roomOf(key)));
    },

    onBackpressure(context) {
      return context.items.rooms.fallBehind(context);
    },

    methods: hubMethods(view, callers),
  });
}
