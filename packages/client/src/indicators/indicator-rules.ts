// The indicators of a client, from the application's catalog. Without a catalog, typing is the only indicator.
import type { EndsCoalescingRule, EventTypeDeclaration, IndicatorRule } from '@millrace/contract';
import { isTypingUser } from '../delivery/events.js';

/**
 * The part of a catalog that a client reads. It may be a catalog of `@millrace/contract`, or a list with only these rules and
 * no schemas.
 * @beta
 */
export interface IndicatorCatalog {
  readonly eventTypes: readonly Pick<EventTypeDeclaration, 'name' | 'indicator' | 'endsCoalescing'>[];
}

/** Name of the indicator that `sendTyping` and `typingUsers` use. */
export const TYPING = 'typing';

/** An event that shows an indicator or ends it. */
export interface IndicatorChange {
  readonly name: string;
  readonly userId: string;
  /** The user whom the indicator shows, or `undefined` if the indicator ends. */
  readonly shown: { readonly user_id: string; readonly username: string } | undefined;
  /** True if an event of another type ended the indicator, as a message ends typing. */
  readonly isEndedByOtherType: boolean;
}

const typing = {
  name: TYPING,
  user: (payload: unknown) => (isTypingUser(payload) ? payload : undefined),
  payload: (user: object, isShown: boolean) => ({ ...user, is_typing: isShown }),
  expiresAfterMs: 10_000,
};

/** A copy of the built-in catalog's rules. The catalog itself needs a schema library, many times the size of this client. */
const builtIn: IndicatorCatalog = {
  eventTypes: [
    { name: 'typing_start', indicator: { ...typing, isShown: true } },
    { name: 'typing_stop', indicator: { ...typing, isShown: false } },
    { name: 'chat_message', endsCoalescing: { slot: TYPING, key: senderOf } },
  ],
};

function senderOf(payload: unknown): string | undefined {
  const { sender_id: id } = (payload ?? {}) as { readonly sender_id?: unknown };
  return typeof id === 'string' ? id : undefined;
}

/** The indicator rules of one client. */
export class IndicatorRules {
  readonly #rules = new Map<string, IndicatorRule<unknown>>();
  readonly #endings = new Map<string, EndsCoalescingRule<unknown>>();
  /** The expiry of each indicator in milliseconds, by the name of the indicator. */
  readonly #expiries = new Map<string, number>();

  /** @param typingExpiryMs replaces the expiry that the catalog declares for typing */
  constructor(catalog: IndicatorCatalog = builtIn, typingExpiryMs?: number) {
    for (const { name, indicator, endsCoalescing } of catalog.eventTypes) {
      if (endsCoalescing !== undefined) this.#endings.set(name, endsCoalescing);
      if (indicator === undefined) continue;
      this.#rules.set(name, indicator);
      this.#expiries.set(indicator.name, indicator.expiresAfterMs);
    }
    if (typingExpiryMs !== undefined && this.#expiries.has(TYPING))
      this.#expiries.set(TYPING, typingExpiryMs);
  }

  /** The expiry of each indicator in milliseconds, by its name. */
  get expiries(): ReadonlyMap<string, number> {
    return this.#expiries;
  }

  /** True for a type whose events show or end an indicator, and are nothing else, such as typing. */
  isIndicator(type: string): boolean {
    return this.#rules.has(type);
  }

  /**
   * Returns the indicator that an event shows or ends, or `undefined` if there is none.
   * @throws the error of a rule that cannot read the payload, or TypeError if the user's ID is not a string
   */
  read(type: string, payload: unknown): IndicatorChange | undefined {
    const rule = this.#rules.get(type);
    if (rule !== undefined) {
      const user = rule.user(payload);
      if (user === undefined) return undefined;
      if (typeof user.user_id !== 'string') throw new TypeError('user_id is not a string');
      const { name, isShown } = rule;
      const shows = typeof isShown === 'function' ? isShown(payload) : isShown;
      return { name, userId: user.user_id, shown: shows ? user : undefined, isEndedByOtherType: false };
    }
    const ending = this.#endings.get(type);
    const userId = ending?.key(payload);
    if (ending === undefined || userId === undefined) return undefined;
    return { name: ending.slot, userId, shown: undefined, isEndedByOtherType: true };
  }
}
