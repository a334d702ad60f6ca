// Tracks which users each indicator of a catalog shows in each room. The delivered events decide that.
import {
  type AnyCatalog,
  type IndicatedUser,
  type Indicator,
  indicatorsOf,
  type ReceivedEvent,
  showsIndicator,
} from '@millrace/contract';
import { ShownUsers } from './shown-users.js';

/**
 * The indicator of the hub's own methods. `SendTyping` publishes it, and the answer to `JoinRoom` has a field of its own for
 * it.
 */
export const TYPING = 'typing';

// Maximum number of rooms in which one indicator shows users. Above it, the room without a start event for the longest time
// is forgotten.
const maxRooms = 10_000;

/** The users whom indicators show, by the name of the indicator. Indicators without users are left out. */
export type ShownByName = ReadonlyMap<string, readonly IndicatedUser[]>;

interface Shown {
  readonly indicator: Indicator;
  readonly users: ShownUsers;
}

/** The users whom the indicators of a catalog show, in all rooms. */
export class RoomIndicators {
  readonly #shown = new Map<string, Shown>();

  /** @param typingExpiresAfterMs replaces the expiry that the event types of typing declare */
  constructor(catalog: Pick<AnyCatalog, 'eventTypes'>, typingExpiresAfterMs?: number) {
    for (const [name, declared] of indicatorsOf(catalog.eventTypes)) {
      const expiryMs = (name === TYPING ? typingExpiresAfterMs : undefined) ?? declared.expiresAfterMs;
      const indicator = { ...declared, expiresAfterMs: expiryMs };
      this.#shown.set(name, { indicator, users: new ShownUsers({ expiryMs, maxRooms }) });
    }
  }

  /** Returns the catalog's indicator of this name, or `undefined` if there is none. */
  find(name: string): Indicator | undefined {
    return this.#shown.get(name)?.indicator;
  }

  /**
   * Updates the indicators from an event that starts or ends an indicator.
   *
   * @returns the user whom the event is about, if any. The user's own connections must not get the event
   */
  observe({ event, declaration }: ReceivedEvent, timeMs: number): string | undefined {
    const { indicator, endsCoalescing } = declaration;
    if (indicator !== undefined) {
      const user = indicator.user(event.payload);
      const users = this.#shown.get(indicator.name)?.users;
      if (user === undefined) return undefined;
      if (showsIndicator(indicator, event.payload)) users?.start(event.room_id, user, timeMs);
      else users?.stop(event.room_id, user.user_id);
      return user.user_id;
    }
    if (endsCoalescing === undefined) return undefined;
    const userId = endsCoalescing.key(event.payload);
    if (userId !== undefined) this.#shown.get(endsCoalescing.slot)?.users.stop(event.room_id, userId);
    return undefined;
  }

  /** Returns the users whom the room's indicators show at `timeMs`. */
  in(roomId: string, timeMs: number): ShownByName {
    const shown = new Map<string, readonly IndicatedUser[]>();
    for (const [name, { users }] of this.#shown) {
      const list = users.list(roomId, timeMs);
      if (list.length > 0) shown.set(name, list);
    }
    return shown;
  }
}
