/*
 * Connection tokens of one hub: negotiated and waiting for a transport, or attached to one.
 * A token is a secret; a connection id is public.
 */
import { randomBytes } from 'node:crypto';
import type { Ticker, Ticking } from './ticker.js';

/** The ids of one connection. In negotiate version 0 the id serves as the token. */
export interface ConnectionIds {
  readonly connectionId: string;
  readonly connectionToken: string;
}

/** What became of the wish to attach a transport to a token. */
export type Attachment =
  | { readonly kind: 'attached'; readonly ids: ConnectionIds }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'already_attached' };

interface Entry {
  readonly ids: ConnectionIds;
  /** When a token that waits for its transport is forgotten. */
  readonly expiresMs: number;
}

/**
 * A token goes `pending → attached → (gone)` or `pending → (expired)`.
 * Pending tokens are bounded by number and age: at the bound new ones are refused, so that a flood cannot push
 * out those whose clients are on their way. Attached ones are as many as there are connections.
 */
export class ConnectionRegistry implements Ticking {
  readonly #ticker: Ticker;
  readonly #maximumPending: number;
  readonly #timeoutMs: number;
  /** In the order of their expiry. */
  readonly #pending = new Map<string, Entry>();
  readonly #attached = new Map<string, ConnectionIds>();

  constructor(ticker: Ticker, limits: { readonly maximumPending: number; readonly timeoutMs: number }) {
    this.#ticker = ticker;
    this.#maximumPending = limits.maximumPending;
    this.#timeoutMs = limits.timeoutMs;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Fresh ids that wait for a transport; undefined when too many wait already. */
  negotiate(version: 0 | 1): ConnectionIds | undefined {
    if (this.#pending.size >= this.#maximumPending) return undefined;
    // While nothing waited, the ticker may have stood still; adding brings its time up to date.
    this.#ticker.add(this);
    const connectionId = createToken();
    const connectionToken = version === 0 ? connectionId : createToken();
    const ids = { connectionId, connectionToken };
    this.#pending.set(connectionToken, { ids, expiresMs: this.#ticker.nowMs + this.#timeoutMs });
    return ids;
  }

  /** Attaches a transport to a negotiated token. */
  attach(token: string): Attachment {
    if (this.#attached.has(token)) return { kind: 'already_attached' };
    const entry = this.#pending.get(token);
    if (entry === undefined) return { kind: 'unknown' };
    this.#forget(token);
    this.#attached.set(token, entry.ids);
    return { kind: 'attached', ids: entry.ids };
  }

  /** A connection without negotiation: its token is its id, and nobody else ever learns it. */
  attachNew(): ConnectionIds {
    const connectionId = createToken();
    const ids = { connectionId, connectionToken: connectionId };
    this.#attached.set(connectionId, ids);
    return ids;
  }

  /** What is known of a token. */
  stateOf(token: string): 'unknown' | 'pending' | 'attached' {
    if (this.#attached.has(token)) return 'attached';
    return this.#pending.has(token) ? 'pending' : 'unknown';
  }

  detach(token: string): void {
    this.#attached.delete(token);
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
