// Finds the users whom indicators (such as typing) show to one client, and the changes of indicators that the client missed. Pure.
import type { IndicatedUser } from '@millrace/contract';
import type { ShownByName } from './room-indicators.js';
import { isSameUser } from './same-user.js';

/**
 * A change of an indicator for one user. With `isShown`, the indicator began to show the user. Otherwise it ended for the
 * user.
 */
export interface IndicatorChange {
  readonly name: string;
  readonly user: IndicatedUser;
  readonly isShown: boolean;
}

/** Returns `shown` without this user, because users do not see their own indicators. */
export function shownToUser(shown: ShownByName, userId: string): ShownByName {
  const others = new Map<string, readonly IndicatedUser[]>();
  for (const [name, users] of shown) {
    const list = users.filter(({ user_id }) => !isSameUser(user_id, userId));
    if (list.length > 0) others.set(name, list);
  }
  return others;
}

/** Returns the changes from `before` to `now`: first the indicators that ended, then those that began. */
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
