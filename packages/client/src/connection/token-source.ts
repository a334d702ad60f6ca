// Tokens: every attempt to connect gets a fresh one, and a refused token is never used again.
import { ClientError } from '../client-error.js';

/** Passed to `accessToken` when the client needs a token. */
export interface TokenContext {
  /** The gateway refused the last token: give a new one, not a cached one. */
  readonly wasRefused: boolean;
}

/**
 * Gives the token to connect with. It is called for every attempt. A rejection counts as a failed attempt; a rejection with
 * a {@link ClientError} `unauthorized` ends the attempts.
 */
export type AccessToken = (context: TokenContext) => string | Promise<string>;

/** The tokens of one client. */
export class TokenSource {
  readonly #accessToken: AccessToken | undefined;
  #lastToken: string | undefined;
  #wasRefused = false;

  constructor(accessToken: AccessToken | undefined) {
    this.#accessToken = accessToken;
  }

  /**
   * The token for the next attempt; `undefined` when the application gives none.
   *
   * @throws ClientError `unauthorized` when the only token was refused before.
   */
  async next(): Promise<string | undefined> {
    if (this.#accessToken === undefined) {
      if (this.#wasRefused) throw refusal('The gateway requires a token: set the option `accessToken`.');
      return undefined;
    }
    const token = await this.#accessToken({ wasRefused: this.#wasRefused });
    if (this.#wasRefused && token === this.#lastToken)
      throw refusal(
        'The gateway refused the token, and `accessToken` gave the same token again: make it give a new one.',
      );
    this.#lastToken = token;
    this.#wasRefused = false;
    return token;
  }

  /** True when the application gives tokens. */
  get hasSource(): boolean {
    return this.#accessToken !== undefined;
  }

  /** The gateway refused the last token. */
  refused(): void {
    this.#wasRefused = true;
  }

  /** Forgets a refusal, because the application tries again. */
  reset(): void {
    this.#wasRefused = false;
  }
}

function refusal(message: string): ClientError {
  return new ClientError('unauthorized', message);
}
