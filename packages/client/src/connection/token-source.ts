// Tokens: a fresh one for every attempt to connect, and never again one that was refused.
import { ClientError } from '../client-error.js';

/** What is known when a token is asked for. */
export interface TokenContext {
  /** The last token was refused: a cached one will not do. */
  readonly wasRefused: boolean;
}

/**
 * Gives the token to connect with. Called for every attempt. A rejection counts as a failed attempt; a rejection with
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
   * @throws ClientError `unauthorized` when the only token is one that was refused.
   */
  async next(): Promise<string | undefined> {
    if (this.#accessToken === undefined) {
      if (this.#wasRefused) throw refusal('The gateway asks for a token: give `accessToken`.');
      return undefined;
    }
    const token = await this.#accessToken({ wasRefused: this.#wasRefused });
    if (this.#wasRefused && token === this.#lastToken)
      throw refusal('The gateway refused the token, and `accessToken` gave the same one again.');
    this.#lastToken = token;
    this.#wasRefused = false;
    return token;
  }

  /** Whether the application gives tokens at all. */
  get hasSource(): boolean {
    return this.#accessToken !== undefined;
  }

  /** The gateway refused the last token. */
  refused(): void {
    this.#wasRefused = true;
  }

  /** Forgets a refusal: the application wants to try again. */
  reset(): void {
    this.#wasRefused = false;
  }
}

function refusal(message: string): ClientError {
  return new ClientError('unauthorized', message);
}
