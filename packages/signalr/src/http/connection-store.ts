/*
 * The connections of one hub by their tokens: negotiated and waiting for a transport, or attached to one.
 * A token is a secret; a connection id is public.
 */
import { randomBytes } from 'node:crypto';
import type { HubConnection } from '../connection/hub-connection.js';
import type { Ticker, Ticking } from '../connection/ticker.js';
import type { LongPollingTransport } from '../transports/long-polling-transport.js';
import type { ResumableTransport } from '../transports/resumable-transport.js';
import type { ServerSentEventsTransport } from '../transports/server-sent-events-transport.js';

/** The ids of one connection. In negotiate version 0 the id serves as the token. */
export interface ConnectionIds {
  readonly connectionId: string;
  readonly connectionToken: string;
}

/** The transport that a connection was attached to, which it then keeps. */
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

/** One connection as the web sees it. */
export interface StoredConnection {
  readonly ids: ConnectionIds;
  /** Whether stateful reconnect was negotiated. */
  readonly isResumable: boolean;
  /** Absent while it is negotiated only, or while its first request is being attached. */
  attached: Attached | undefined;
}

interface Pending {
  readonly stored: StoredConnection;
  /** When a token that waits for its transport is forgotten. */
  readonly expiresMs: number;
}

/**
 * A token goes `pending → claimed → (removed)` or `pending → (expired)`.
 * Pending tokens are bounded by number and age: at the bound new ones are refused, so that a flood cannot push
 * out those whose clients are on their way. Claimed ones are as many as there are connections.
 */
export class ConnectionStore implements Ticking {
  readonly #ticker: Ticker;
  readonly #maximumPending: number;
  readonly #timeoutMs: number;
  /** In the order of their expiry. */
  readonly #pending = new Map<string, Pending>();
  readonly #claimed = new Map<string, StoredConnection>();

  constructor(ticker: Ticker, limits: { readonly maximumPending: number; readonly timeoutMs: number }) {
    this.#ticker = ticker;
    this.#maximumPending = limits.maximumPending;
    this.#timeoutMs = limits.timeoutMs;
  }

  /** A fresh connection that waits for its transport; undefined when too many wait already. */
  negotiate(version: 0 | 1, isResumable = false): StoredConnection | undefined {
    if (this.#pending.size >= this.#maximumPending) return undefined;
    // While nothing waited, the ticker may have stood still; adding brings its time up to date.
    this.#ticker.add(this);
    const connectionId = createToken();
    const connectionToken = version === 0 ? connectionId : createToken();
    const ids = { connectionId, connectionToken };
    const stored: StoredConnection = { ids, isResumable, attached: undefined };
    this.#pending.set(connectionToken, { stored, expiresMs: this.#ticker.nowMs + this.#timeoutMs });
    return stored;
  }

  /** A connection without negotiation: its token is its id, and nobody else ever learns it. */
  createClaimed(): StoredConnection {
    const connectionId = createToken();
    const ids = { connectionId, connectionToken: connectionId };
    const stored = { ids, isResumable: false, attached: undefined };
    this.#claimed.set(connectionId, stored);
    return stored;
  }

  find(token: string): StoredConnection | undefined {
    return this.#claimed.get(token) ?? this.#pending.get(token)?.stored;
  }

  /** Takes a negotiated connection for a transport. False when another request was first. */
  claim(stored: StoredConnection): boolean {
    const { connectionToken } = stored.ids;
    if (!this.#pending.has(connectionToken)) return false;
    this.#forget(connectionToken);
    this.#claimed.set(connectionToken, stored);
    return true;
  }

  remove(stored: StoredConnection): void {
    this.#claimed.delete(stored.ids.connectionToken);
  }

  onTick(nowMs: number): void {
    for (const [token, entry] of this.#pending) {
      if (entry.expiresMs > nowMs) return;
      this.#forget(token);
    }
  }

  #forget(token: string): void {
    this.#pending.delete(token);
    if (this.#pending.size === 0) this.#ticker.remove(this);
  }
}

/** 128 random bits in the alphabet that clients can put into a URL without encoding it. */
function createToken(): string {
  return randomBytes(16).toString('base64url');
}
