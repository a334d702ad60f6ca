// Indicators show what users are doing at the moment, such as typing. This file derives the functions of an indicator from the
// rules that event types declare.
import { userKey } from '@millrace/internal';
import type {
  CoalescingRule,
  EventTypeDeclaration,
  IndicatedUser,
  IndicatorRule,
} from './catalog/declaration.js';

/** One indicator, as clients and gateways use it. @beta */
export interface Indicator {
  readonly name: string;
  readonly expiresAfterMs: number;
  /**
   * Returns the event type and payload that show or end the indicator for a user, or `undefined` if no type of the catalog does so.
   */
  eventOf(
    user: IndicatedUser,
    isShown: boolean,
  ): { readonly type: string; readonly payload: unknown } | undefined;
}

type Indicating = Pick<EventTypeDeclaration, 'name' | 'indicator'>;

const WINDOW_MS = 100;

/** True when an event with this payload shows the indicator, false when the event ends it. @beta */
export function showsIndicator<Payload>({ isShown }: IndicatorRule<Payload>, payload: Payload): boolean {
  return typeof isShown === 'function' ? isShown(payload) : isShown;
}

/** Returns the coalescing rule of an indicator: a user's later event replaces the earlier one. */
export function coalescingOf<Payload>(rule: IndicatorRule<Payload>): CoalescingRule<Payload> {
  return Object.freeze({
    slot: rule.name,
    windowMs: rule.windowMs ?? WINDOW_MS,
    key(payload: Payload) {
      const user = rule.user(payload);
      return user === undefined ? undefined : userKey(user.user_id);
    },
    merge: (_earlier: Payload, later: Payload) => later,
  });
}

/** Returns the indicators that these event types declare, by name. @beta */
export function indicatorsOf(eventTypes: readonly Indicating[]): ReadonlyMap<string, Indicator> {
  const indicators = new Map<string, Indicator>();
  for (const { indicator } of eventTypes) {
    if (indicator === undefined || indicators.has(indicator.name)) continue;
    const { name, expiresAfterMs } = indicator;
    const types = eventTypes.filter((type) => type.indicator?.name === name);
    indicators.set(name, {
      name,
      expiresAfterMs,
      eventOf: (user, isShown) => eventOf(types, user, isShown),
    });
  }
  return indicators;
}

function eventOf(types: readonly Indicating[], user: IndicatedUser, isShown: boolean) {
  for (const { name: type, indicator } of types) {
    if (indicator === undefined || indicator.isShown === !isShown) continue;
    return { type, payload: indicator.payload(user, isShown) };
  }
  return undefined;
}
