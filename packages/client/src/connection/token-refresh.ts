// Gives an open connection a new token before its token expires, so that the connection need not end. The gateway's hub method
// `RefreshToken` takes the token over the connection itself.
import { type BackOffOptions, backOffDelayMs, type CancelTimer, type Clock } from '@millrace/internal';
import { ClientError, isTemporary, messageOf, type ReportError } from '../client-error.js';
import { type Connection, call } from './connection-port.js';
import type { TokenSource } from './token-source.js';

/** Dependencies of a {@link TokenRefresh}. */
export interface TokenRefreshDependencies {
  readonly tokens: TokenSource;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  readonly report: ReportError;
}

const MIN_DELAY_MS = 1_000;

/** The token of one connection. It does nothing for tokens whose life is not known. */
export class TokenRefresh {
  readonly #dependencies: TokenRefreshDependencies;
  readonly #connection: Connection;
  #cancel: CancelTimer = () => {};
  #failures = 0;
  #isOver = false;

  constructor(connection: Connection, dependencies: TokenRefreshDependencies) {
    this.#connection = connection;
    this.#dependencies = dependencies;
    this.#plan();
  }

  /** Ends the refreshes, because the connection is lost. */
  end(): void {
    this.#isOver = true;
    this.#cancel();
  }

  /** Plans the next refresh after about four fifths of the token's life. Many clients may have got their tokens at the same moment. */
  #plan(): void {
    const { tokens, random } = this.#dependencies;
    const lifeMs = lifeMsOf(tokens.last, Date.now());
    if (lifeMs !== undefined) this.#wait(lifeMs * (0.75 + 0.1 * random()));
  }

  #wait(delayMs: number): void {
    const { clock } = this.#dependencies;
    this.#cancel = clock.startTimer(() => void this.#refresh(), Math.max(MIN_DELAY_MS, delayMs));
  }

  async #refresh(): Promise<void> {
    const { tokens, retry, random, report } = this.#dependencies;
    try {
      const token = await tokens.next();
      if (this.#isOver) return;
      await call(this.#connection, 'RefreshToken', token);
      this.#failures = 0;
      if (!this.#isOver) this.#plan();
    } catch (error) {
      if (this.#isOver) return;
      if (this.#failures === 0) report(failureOf(error));
      // A refusal stays until the next connection, which asks for another token.
      if (error instanceof ClientError && error.code === 'refused' && !isTemporary(error)) return;
      this.#wait(backOffDelayMs((this.#failures += 1), retry, random()));
    }
  }
}

function failureOf(cause: unknown): ClientError {
  const code = cause instanceof ClientError ? cause.code : 'connection_failed';
  return new ClientError(code, `The token was not refreshed: ${messageOf(cause)}`, { cause });
}

/**
 * Returns the rest of a token's life. The clock of this machine may be wrong, so the rest is at most the whole life. `undefined` for a
 * token without an expiry time.
 */
function lifeMsOf(token: string | undefined, nowMs: number): number | undefined {
  const { exp, iat } = claimsOf(token);
  if (typeof exp !== 'number') return undefined;
  const wholeMs = typeof iat === 'number' ? (exp - iat) * 1_000 : Number.POSITIVE_INFINITY;
  const restMs = exp * 1_000 - nowMs;
  return Math.min(wholeMs, restMs > 0 ? restMs : wholeMs);
}

function claimsOf(token = ''): { readonly exp?: unknown; readonly iat?: unknown } {
  try {
    const text = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    return (JSON.parse(atob(text)) as object | null) ?? {};
  } catch {
    // The token is not a JSON Web Token, so only the gateway knows when it expires.
    return {};
  }
}
