// Finds the users whom indicators show to one client, and the changes that the client missed. Pure.
import type { IndicatedUser } from '@millrace/contract';
import type { ShownByName } from './room-indicators.js';
import { isSameUser } from './same-user.js';

/** A change of an indicator: it shows the user now, or does so no longer. */
export interface IndicatorChange {
  readonly name: string;
  readonly user: IndicatedUser;
  readonly isShown: boolean;
}

/** Leaves the user out: users are not shown their own indicators. */
export function shownToUser(shown: ShownByName, userId: string): ShownByName {
  const others = new Map<string, readonly IndicatedUser[]>();
  for (const [name, users] of shown) {
    const list = users.filter(({ user_id }) => !isSameUser(user_id, userId));
    if (list.length > 0) others.set(name, list);
  }
  return others;
}

/** Returns the indicators that have ended since, then those that have begun. */
export function changesBetween(before: ShownByName, now: ShownByName): readonly IndicatorChange[] {
  return [...missingIn(now, before, false), ...missingIn(before, now, true)];
}

function missingIn(known: ShownByName, shown: ShownByName, isShown: boolean): readonly IndicatorChange[] {
  return [...shown].flatMap(([name, users]) =>
    users
      .filter(({ user_id }) => known.get(name)?.some((other) => isSameUser(other.user_id, user_id)) !== true)
      .map((user) => ({ name, user, isShown })),
  );
}
