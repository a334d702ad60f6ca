// The rooms in which a connection is from the start: the personal room of its user, the room of everybody (`*`), and the room of
// everybody of the user's tenant (`*:<tenant>`). A user may always enter these rooms.
import { broadcastRoomOf, EVERYBODY_ROOM, isBroadcastRoom, isRoomId } from '@millrace/contract';
import { personalRoomOf } from '../auth/room-access.js';
import { isTenantName } from '../tenants/tenant.js';
import type { Tenants } from '../tenants/tenants.js';

/** The standing rooms of each user, under the names that the connections of one hub use for them. */
export type StandingRoomsOfHub = Pick<StandingRooms, 'of' | 'has' | 'partsOf' | 'wholeOf'>;

/** Returns the rooms in which the connections of each user are from the start. */
export class StandingRooms {
  readonly #tenants: Pick<Tenants, 'of'> | undefined;

  /** @param tenants `undefined` if rooms have no tenants */
  constructor(tenants: Pick<Tenants, 'of'> | undefined) {
    this.#tenants = tenants;
  }

  /** Returns the standing rooms of a user. */
  of(userId: string): readonly string[] {
    const rooms = [personalRoomOf(userId), EVERYBODY_ROOM];
    const ofTenant = this.#ofTenant(userId);
    return ofTenant === undefined ? rooms : [...rooms, ofTenant];
  }

  /** True for a standing room of the user. */
  has(userId: string, roomId: string): boolean {
    return roomId === personalRoomOf(userId) || this.isBroadcast(userId, roomId);
  }

  /** True for a standing room that the user shares with others. */
  isBroadcast(userId: string, roomId: string): boolean {
    return roomId === EVERYBODY_ROOM || (isBroadcastRoom(roomId) && roomId === this.#ofTenant(userId));
  }

  /**
   * Returns the rooms whose events a user receives in a room. For `*`, these are `*` and the room of everybody of the user's tenant. All
   * of them are in the same streams, so one position is valid for all.
   */
  partsOf(userId: string, roomId: string): readonly string[] {
    const ofTenant = roomId === EVERYBODY_ROOM ? this.#ofTenant(userId) : undefined;
    return ofTenant === undefined ? [roomId] : [roomId, ofTenant];
  }

  /** Returns the room in which a user receives a room's events: `*` for everybody of the user's tenant, otherwise the room itself. */
  wholeOf(userId: string, roomId: string): string {
    return this.isBroadcast(userId, roomId) ? EVERYBODY_ROOM : roomId;
  }

  /** Returns the room of everybody of the user's tenant. A user belongs to the tenant of the user's personal room. */
  #ofTenant(userId: string): string | undefined {
    const tenant = this.#tenants?.of(personalRoomOf(userId));
    if (!isTenantName(tenant)) return undefined;
    const roomId = broadcastRoomOf(tenant);
    return isRoomId(roomId) ? roomId : undefined;
  }
}
