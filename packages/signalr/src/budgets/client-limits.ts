/*
 * The limits that all connections of one client share: the options of a hub, checked and with their defaults.
 */
import {
  callback,
  checkOptions,
  nearestName,
  type OptionRules,
  type Rate,
  wholeNumber,
} from '@millrace/internal';
import type { RequestInfo } from '../connection/request-info.js';
import { invalidOption, type SignalRError } from '../errors.js';

/** The owner of a budget: a user, or an address from which clients connect without signing in. */
export interface BudgetOwner {
  /** Identifies the owner. Clients with equal keys share one budget. */
  readonly key: string;
  /**
   * The number of users for whom the owner stands: all of its limits are multiplied by it. One address may stand for many users. A
   * single connection never gets more than the budget of one user. @defaultValue 1
   */
  readonly userCount?: number;
}

/** Names the owner of a client's budget, or undefined if only the limits of each single connection apply to the client. */
export type BudgetOwnerOf<User> = (
  request: RequestInfo,
  client: { readonly userId: string | null; readonly user: User | undefined },
) => BudgetOwner | undefined;

/**
 * Limits of one user of a hub, over all of the user's connections to this process. They keep one user's behaviour from harming the
 * others. Every message takes 1 from the user's budget, whatever its kind, and so do a WebSocket control frame, received bytes that
 * complete no message, and a POST or DELETE request. A negotiate request and the opening of a connection take 5 each.
 *
 * - A call beyond the budget is refused with a `HubError` that ends in "Try again later.", before its arguments are looked at. An item
 *   of an upload beyond it fails the upload. A message of a raw connection beyond it waits, and so do the messages after it.
 * - A request beyond the budget is answered with 429 and `Retry-After`.
 * - A connection that continues, until a third of `messageBurst` was refused, is closed (`rate_limited`). Its user cannot open a
 *   connection for the next 10 s. Meanwhile less is read from it, and the refusals of requests are sent with a short delay.
 */
export interface ClientLimitOptions<User> {
  /**
   * Names the owner of a client's budget. Called for negotiate requests and for requests that open a connection, after
   * `authenticate`. @defaultValue the user id; the remote address for a client without a user id
   */
  readonly ownerOf?: BudgetOwnerOf<User>;
  /** The number of messages per second that refill the budget. @defaultValue 100 */
  readonly messagesPerSecond?: number;
  /** The size of the budget: the number of messages that may arrive at once after a pause. @defaultValue 3_000 */
  readonly messageBurst?: number;
  /** Maximum number of open connections. @defaultValue 100 */
  readonly maximumConnections?: number;
  /**
   * Maximum number of negotiated connections that have no transport yet. Not enforced with the option `instances`, because they take
   * no memory then. @defaultValue 50
   */
  readonly maximumPendingConnections?: number;
}

/** The limits with every default filled in. */
export interface ClientLimits {
  /** The budget of one user. */
  readonly rate: Rate;
  /** The messages beyond the budget that a connection may send before it is closed. */
  readonly refusalRate: Rate;
  readonly maximumConnections: number;
  readonly maximumPendingConnections: number;
}

const DEFAULT_CLIENT_LIMITS = {
  messagesPerSecond: 100,
  messageBurst: 3_000,
  maximumConnections: 100,
  maximumPendingConnections: 50,
} as const;

const count = wholeNumber();

const RULES: OptionRules<ClientLimitOptions<never>> = {
  ownerOf: callback,
  messagesPerSecond: count,
  messageBurst: count,
  maximumConnections: count,
  maximumPendingConnections: count,
};

/** @throws SignalRError `invalid_option` */
export function resolveClientLimits(options: ClientLimitOptions<never>): ClientLimits {
  const refuse = (fault: string): SignalRError => invalidOption(`clientLimits.${fault}`);
  const given = { ...DEFAULT_CLIENT_LIMITS, ...checkOptions(options, RULES, refuse, nearestName) };
  const rate = { perSecond: given.messagesPerSecond, burst: given.messageBurst };
  return {
    rate,
    refusalRate: { perSecond: rate.perSecond, burst: Math.ceil(rate.burst / 3) },
    maximumConnections: given.maximumConnections,
    maximumPendingConnections: given.maximumPendingConnections,
  };
}

/** The default of `ownerOf`. */
export function ownerByUserId(
  { remoteAddress }: RequestInfo,
  { userId }: { readonly userId: string | null },
): BudgetOwner | undefined {
  if (userId !== null) return { key: `user ${userId}` };
  return remoteAddress === undefined ? undefined : { key: `address ${remoteAddress}` };
}
