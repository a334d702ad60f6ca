/*
 * The connections of one hub by their tokens, including negotiated connections that do not have a transport
 * yet. A token is a secret. A connection id is public.
 */
import { randomBytes } from 'node:crypto';
import type { ClientBudget } from '../budgets/client-budgets.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { Ticker, TickListener } from '../connection/ticker.js';
import { isTokenFor, type SignedTokens } from '../instances/signed-tokens.js';
import type { LongPollingTransport } from '../transports/long-polling-transport.js';
import type { ResumableTransport } from '../transports/resumable-transport.js';
import type { ServerSentEventsTransport } from '../transports/server-sent-events-transport.js';

/** The ids of one connection. In negotiate version 0, the connection id is also the token. */
export interface ConnectionIds {
  readonly connectionId: string;
  readonly connectionToken: string;
}

/** A connection with the transport that it keeps for its whole life. */
export type Attached =
  | {
      readonly name: 'WebSockets';
      readonly connection: HubConnection;
      /** Present when stateful reconnect was negotiated. */
      readonly transport: ResumableTransport | undefined;
    }
  | {
      readonly name: 'ServerSentEvents';
      readonly connection: HubConnection;
      readonly transport: ServerSentEventsTransport;
    }
  | {
      readonly name: 'LongPolling';
      readonly connection: HubConnection;
      readonly transport: LongPollingTransport;
    };

/** One connection, as the code for HTTP requests sees it. */
export interface StoredConnection {
  readonly ids: ConnectionIds;
  /** True when stateful reconnect was negotiated. */
  readonly isResumable: boolean;
  /**
   * Returns true if the user may open the connection: the user who negotiated it, or any user if it was negotiated without a user
   * id.
   */
  readonly isFor: (userId: string | null) => boolean;
  /** The running connection. Undefined until the client has opened a transport. */
  attached: Attached | undefined;
}

interface Pending {
  readonly stored: StoredConnection;
  /** The monotonic time when the token expires. */
  readonly expiresMs: number;
  /** The budget of the client that negotiates. */
  readonly budget: ClientBudget | undefined;
}

/** The limits of a store. */
export interface ConnectionStoreLimits {
  readonly maximumPending: number;
  /** Maximum time from the negotiation to the first request of a transport. */
  readonly timeoutMs: number;
}

/**
 * Tolerated difference between the clocks of two instances. A signed token is still accepted for this time
 * after its expiry.
 */
const CLOCK_SKEW_MS = 10_000;

/**
 * Keeps the connections of one hub by their tokens. A token goes `pending → claimed → (removed)` or `pending → (expired)`.
 *
 * Pending tokens are limited in number and age. At the maximum number, new tokens are refused. Older ones are not evicted,
 * because a flood of requests could then lock out clients that are about to connect. Each connection has one claimed token.
 *
 * A pending signed token needs no memory, because its signature proves that an instance has issued it. The store remembers
 * used tokens until they expire, so that a token cannot open a second connection. It forgets the oldest used token when there
 * are too many.
 */
export class ConnectionStore implements TickListener {
  readonly #ticker: Ticker;
  readonly #maximumPending: number;
  readonly #timeoutMs: number;
  /** Pending tokens in the order of their expiry. */
  readonly #pending = new Map<string, Pending>();
  readonly #claimed = new Map<string, StoredConnection>();
  readonly #tokens: SignedTokens | undefined;
  /** Signed tokens whose connection has ended, each with the monotonic time at which it can be forgotten. */
  readonly #ended = new Map<string, number>();

  /** @param tokens present if other instances must accept the tokens of this instance */
  constructor(ticker: Ticker, limits: ConnectionStoreLimits, tokens?: SignedTokens) {
    this.#ticker = ticker;
    this.#tokens = tokens;
    this.#maximumPending = limits.maximumPending;
    this.#timeoutMs = limits.timeoutMs;
  }

  /**
   * Creates a connection that waits for its transport. Returns undefined if too many connections wait already.
   * @param userId the user who negotiates. Only this user may open the connection. Null allows every user
   * @param budget the budget that counts the connection while it waits in memory
   */
  negotiate(
    version: 0 | 1,
    userId: string | null = null,
    isResumable = false,
    budget?: ClientBudget,
  ): StoredConnection | undefined {
    if (this.#tokens !== undefined) return this.#negotiateSigned(this.#tokens, version, userId, isResumable);
    if (this.#pending.size >= this.#maximumPending) return undefined;
    // The ticker may have stopped while no token was pending, so its time may be old. Adding a listener updates the time.
    this.#ticker.add(this);
    const connectionId = createToken();
    const connectionToken = version === 0 ? connectionId : createToken();
    const ids = { connectionId, connectionToken };
    const isFor = (openedBy: string | null): boolean => userId === null || openedBy === userId;
    const stored: StoredConnection = { ids, isResumable, isFor, attached: undefined };
    const expiresMs = this.#ticker.tickedAtMs + this.#timeoutMs;
    this.#pending.set(connectionToken, { stored, expiresMs, budget });
    budget?.beginPending();
    return stored;
  }

  /** Creates a connection for a client that did not negotiate. Its id is also its token. The client never learns this token. */
  createClaimed(): StoredConnection {
    const connectionId = createToken();
    const ids = { connectionId, connectionToken: connectionId };
    const stored = { ids, isResumable: false, isFor: isForAnybody, attached: undefined };
    this.#claimed.set(connectionId, stored);
    return stored;
  }

  find(token: string): StoredConnection | undefined {
    return this.#claimed.get(token) ?? this.#pending.get(token)?.stored ?? this.#readSigned(token);
  }

  /** True when this process serves the token's connection, or is about to. */
  isClaimed(token: string): boolean {
    return this.#claimed.has(token);
  }

  /**
   * Reserves a negotiated connection for a transport. Returns false if another request has already reserved it, or if its token has
   * expired.
   */
  claim(stored: StoredConnection): boolean {
    const { connectionToken } = stored.ids;
    const isFree =
      this.#pending.has(connectionToken) ||
      (!this.#claimed.has(connectionToken) && this.#readSigned(connectionToken) !== undefined);
    if (!isFree) return false;
    this.#forget(connectionToken);
    this.#claimed.set(connectionToken, stored);
    return true;
  }

  remove(stored: StoredConnection): void {
    const { connectionToken } = stored.ids;
    if (this.#claimed.delete(connectionToken)) this.#noteEnd(connectionToken);
  }

  onTick(nowMs: number): void {
    for (const [token, entry] of this.#pending) {
      if (entry.expiresMs > nowMs) break;
      this.#pending.delete(token);
      entry.budget?.endPending();
    }
    for (const [token, expiresMs] of this.#ended) {
      if (expiresMs <= nowMs) this.#ended.delete(token);
    }
    this.#restIfEmpty();
  }

  #negotiateSigned(
    tokens: SignedTokens,
    version: 0 | 1,
    userId: string | null,
    isResumable: boolean,
  ): StoredConnection | undefined {
    const expiresAtMs = this.#ticker.wallMs() + this.#timeoutMs;
    const expiresAtSeconds = Math.ceil(expiresAtMs / 1_000);
    const content = { isResumable, isVersion0: version === 0, expiresAtSeconds };
    return this.#readSigned(tokens.create(content, userId));
  }

  /** Returns the connection of a signed token that can still be used. Any instance may have issued the token. */
  #readSigned(token: string): StoredConnection | undefined {
    const content = this.#tokens?.read(token);
    if (content === undefined || this.#ended.has(token)) return undefined;
    if (content.expiresAtSeconds * 1_000 + CLOCK_SKEW_MS < this.#ticker.wallMs()) return undefined;
    const connectionId = content.isVersion0 ? token : content.connectionId;
    return {
      ids: { connectionId, connectionToken: token },
      isResumable: content.isResumable,
      isFor: (userId) => isTokenFor(content, userId),
      attached: undefined,
    };
  }

  #noteEnd(token: string): void {
    if (this.#tokens === undefined) return;
    this.#ticker.add(this);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size >= this.#maximumPending && oldest !== undefined) this.#ended.delete(oldest);
    this.#ended.set(token, this.#ticker.tickedAtMs + this.#timeoutMs + 2 * CLOCK_SKEW_MS);
  }

  #forget(token: string): void {
    this.#pending.get(token)?.budget?.endPending();
    this.#pending.delete(token);
    this.#restIfEmpty();
  }

  #restIfEmpty(): void {
    if (this.#pending.size === 0 && this.#ended.size === 0) this.#ticker.remove(this);
  }
}

const isForAnybody = (): boolean => true;

/** Returns 128 random bits as text that needs no encoding in a URL. */
function createToken(): string {
  return randomBytes(16).toString('base64url');
}
