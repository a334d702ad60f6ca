/* The limits that all connections of one client share: a hub's options, checked and completed with the defaults. */
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

/** The owner of a budget: a user, or an address from which clients connect without signing in. @beta */
export interface BudgetOwner {
  /** Identifies the owner. Clients with equal keys share one budget. */
  readonly key: string;
  /**
   * The number of users for whom the owner stands. All limits of the owner are multiplied by this number. For example, one
   * address may stand for many users. A single connection never gets more than the budget of one user. @defaultValue 1
   */
  readonly userCount?: number;
}

/**
 * Names the owner of a client's budget. Returns undefined if only the limits of each single connection apply to the client.
 * @beta
 */
export type BudgetOwnerOf<User> = (
  request: RequestInfo,
  client: { readonly userId: string | null; readonly user: User | undefined },
) => BudgetOwner | undefined;

/**
 * Limits of one user of a hub. They apply to all of the user's connections to this process together, so that one user cannot
 * harm the others.
 *
 * Every message costs 1. A WebSocket control frame, received bytes that complete no message, and a POST or DELETE request
 * also cost 1. A negotiate request and the opening of a connection cost 5 each.
 *
 * When the budget is used up:
 *
 * - A call is refused with a `HubError` that ends in "Try again later.", before its arguments are read. An item of an upload
 *   fails the upload. A message of a raw connection waits, and so do the messages after it.
 * - A request is answered with 429 and `Retry-After`, after a short delay.
 * - The server reads more slowly from a connection that continues to send. After as many refusals as a third of
 *   `messageBurst`, it closes the connection (`rate_limited`). The user cannot open a connection for the next 10 s.
 * @beta
 */
export interface ClientLimitOptions<User> {
  /**
   * Names the owner of a client's budget. Called after `authenticate`, for negotiate requests and for requests that open a
   * connection. @defaultValue the user id; the remote address for a client without a user id
   */
  readonly ownerOf?: BudgetOwnerOf<User>;
  /** The number of messages per second that refill the budget. @defaultValue 100 */
  readonly messagesPerSecond?: number;
  /** The size of the budget: the number of messages that may arrive at once after a pause. @defaultValue 3_000 */
  readonly messageBurst?: number;
  /** Maximum number of open connections. @defaultValue 100 */
  readonly maximumConnections?: number;
  /**
   * Maximum number of negotiated connections that have no transport yet. Not enforced with the option `instances`, because
   * such connections then take no memory. @defaultValue 50
   */
  readonly maximumPendingConnections?: number;
}

/** The limits with every default filled in. */
export interface ClientLimits {
  /** The budget of one user. */
  readonly rate: Rate;
  /** The number of refused messages after which a connection is closed, and the rate at which refusals are forgiven. */
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
