/*
 * The connections of one hub by their tokens: those that wait for a transport, and those that have one. A token is a secret; a
 * connection id is public.
 */
import { randomBytes } from 'node:crypto';
import type { HubConnection } from '../connection/hub-connection.js';
import type { Ticker, TickListener } from '../connection/ticker.js';
import { isTokenFor, type SignedTokens } from '../instances/signed-tokens.js';
import type { LongPollingTransport } from '../transports/long-polling-transport.js';
import type { ResumableTransport } from '../transports/resumable-transport.js';
import type { ServerSentEventsTransport } from '../transports/server-sent-events-transport.js';

/** The ids of one connection. In negotiate version 0 the id serves as the token. */
export interface ConnectionIds {
  readonly connectionId: string;
  readonly connectionToken: string;
}

/** The transport that a connection was attached to, which it keeps for its whole life. */
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

/** One connection as HTTP requests see it. */
export interface StoredConnection {
  readonly ids: ConnectionIds;
  /** True when stateful reconnect was negotiated. */
  readonly isResumable: boolean;
  /** True for the user who negotiated it, and for every user when it was negotiated without one. */
  readonly isFor: (userId: string | null) => boolean;
  /** Absent until its first transport request has been attached. */
  attached: Attached | undefined;
}

interface Pending {
  readonly stored: StoredConnection;
  /** When the token expires. */
  readonly expiresMs: number;
}

/** The limits of a store. */
export interface ConnectionStoreLimits {
  readonly maximumPending: number;
  /** From negotiating to the first request of a transport. */
  readonly timeoutMs: number;
}

/** The clocks of instances may differ by this much before a fresh token counts as expired. */
const CLOCK_SKEW_MS = 10_000;

/**
 * A token goes `pending → claimed → (removed)` or `pending → (expired)`.
 * Pending tokens are bounded by number and age: at the bound new ones are refused, so that a flood cannot evict those whose clients
 * are about to connect. There are as many claimed tokens as connections.
 *
 * Signed tokens need no memory while they are pending: their signature proves them. The store keeps those that were used and have not
 * expired, so that they open no second connection; at the bound it forgets the oldest.
 */
export class ConnectionStore implements TickListener {
  readonly #ticker: Ticker;
  readonly #maximumPending: number;
  readonly #timeoutMs: number;
  /** In the order of their expiry. */
  readonly #pending = new Map<string, Pending>();
  readonly #claimed = new Map<string, StoredConnection>();
  readonly #tokens: SignedTokens | undefined;
  /** Signed tokens that were used, with the time of their expiry. */
  readonly #ended = new Map<string, number>();

  /** @param tokens given when other instances must accept the tokens of this one */
  constructor(ticker: Ticker, limits: ConnectionStoreLimits, tokens?: SignedTokens) {
    this.#ticker = ticker;
    this.#tokens = tokens;
    this.#maximumPending = limits.maximumPending;
    this.#timeoutMs = limits.timeoutMs;
  }

  /**
   * A new connection that waits for its transport; undefined when too many wait already.
   * @param userId the user who negotiates and alone may open it; null allows every user
   */
  negotiate(version: 0 | 1, userId: string | null = null, isResumable = false): StoredConnection | undefined {
    if (this.#tokens !== undefined) return this.#negotiateSigned(this.#tokens, version, userId, isResumable);
    if (this.#pending.size >= this.#maximumPending) return undefined;
    // The ticker may have been stopped while no token was pending; adding a listener updates its time.
    this.#ticker.add(this);
    const connectionId = createToken();
    const connectionToken = version === 0 ? connectionId : createToken();
    const ids = { connectionId, connectionToken };
    const isFor = (openedBy: string | null): boolean => userId === null || openedBy === userId;
    const stored: StoredConnection = { ids, isResumable, isFor, attached: undefined };
    this.#pending.set(connectionToken, { stored, expiresMs: this.#ticker.tickedAtMs + this.#timeoutMs });
    return stored;
  }

  /** A connection without negotiation: its token is its id, which no client ever receives. */
  createClaimed(): StoredConnection {
    const connectionId = createToken();
    const ids = { connectionId, connectionToken: connectionId };
    const stored = { ids, isResumable: false, isFor: () => true, attached: undefined };
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

  /** Takes a negotiated connection for a transport. False when another request was first. */
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

  /** A connection that this or another instance negotiated, and that can still be opened. */
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
    this.#pending.delete(token);
    this.#restIfEmpty();
  }

  #restIfEmpty(): void {
    if (this.#pending.size === 0 && this.#ended.size === 0) this.#ticker.remove(this);
  }
}

/** 128 random bits in the alphabet that clients can put into a URL without encoding it. */
function createToken(): string {
  return randomBytes(16).toString('base64url');
}
