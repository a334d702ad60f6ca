// The hub method `RefreshToken`: a client gives its connection a new token, so that the connection outlives the old one. It needs no
// request of its own, so it works over every transport, without negotiation and without sticky sessions.
import {
  type Authenticate,
  type Authenticated,
  AuthenticationUnavailable,
  type HubContext,
  HubError,
} from '@millrace/signalr';
import type { RoomGuard } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import type { ConnectionRooms } from '../rooms/connection-rooms.js';
import type { EventsClient } from './events-client.js';
import { tryAgain } from './try-again.js';

/** Dependencies of {@link refreshToken}. */
export interface TokenRefreshDependencies {
  readonly authenticate: Authenticate<User>;
  readonly guard: Pick<RoomGuard, 'mayStay'>;
  /** Returns the present time, in milliseconds since 1970. */
  wallMs(): number;
}

/** The context of a connection of the hub. */
type RefreshContext = HubContext<EventsClient, User, Pick<ConnectionRooms, 'keepOnly'>>;

/** Answer of `RefreshToken`. */
export interface RefreshedToken {
  /** Whole seconds until the token expires. Null for a token that does not expire. */
  readonly tokenLifetimeSeconds: number | null;
}

/**
 * Replaces the token of a connection. Rooms that the new token does not allow are left before the answer.
 *
 * @throws HubError when the token is not accepted, belongs to another user, or cannot be checked now
 */
export async function refreshToken(
  context: RefreshContext,
  token: string,
  dependencies: TokenRefreshDependencies,
): Promise<RefreshedToken> {
  const credentials = await authenticated(context, token, dependencies);
  if (credentials === undefined) throw new HubError('The token is not accepted.');
  if (!context.refreshAuthentication(credentials))
    throw new HubError('The token belongs to another user, or is older than the present one.');
  keepAllowedRooms(context, dependencies);
  const { expiresAtMs } = credentials;
  const leftMs = expiresAtMs === undefined ? undefined : expiresAtMs - dependencies.wallMs();
  return { tokenLifetimeSeconds: leftMs === undefined ? null : Math.max(0, Math.floor(leftMs / 1000)) };
}

/** Leaves the rooms that the newest token of the connection does not allow. */
export function keepAllowedRooms(
  context: RefreshContext,
  { guard }: Pick<TokenRefreshDependencies, 'guard'>,
): void {
  const { user } = context;
  context.items.keepOnly(context, (roomId) => guard.mayStay(user, roomId));
}

async function authenticated(
  { request, userId, user }: RefreshContext,
  token: string,
  { authenticate }: TokenRefreshDependencies,
): Promise<Authenticated<User> | undefined> {
  try {
    return await authenticate({ ...request, token, stage: 'refresh', current: { userId, user } });
  } catch (error) {
    if (!(error instanceof AuthenticationUnavailable)) throw error;
    throw tryAgain('The token cannot be checked now.', { cause: error });
  }
}
