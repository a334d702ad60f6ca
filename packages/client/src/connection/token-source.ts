// Tokens: every attempt to connect gets a fresh token, and a refused token is never used again.
import { ClientError } from '../client-error.js';

/** Passed to `accessToken` when the client needs a token. @public */
export interface TokenContext {
  /** True if the gateway refused the last token. Return a new token then, instead of a cached one. */
  readonly wasRefused: boolean;
}

/**
 * Returns the token for one attempt to connect. Called for every attempt. The attempt fails if the function rejects. The
 * client stops trying if it rejects with a {@link ClientError} `unauthorized`.
 * @public
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
   * Returns the token for the next attempt, or `undefined` if the application has no `accessToken` function.
   *
   * @throws ClientError `unauthorized` if the gateway refused the last token and there is no other token
   */
  async next(): Promise<string | undefined> {
    if (this.#accessToken === undefined) {
      if (this.#wasRefused) throw refusal('The gateway requires a token: set the option `accessToken`.');
      return undefined;
    }
    const token = await this.#accessToken({ wasRefused: this.#wasRefused });
    if (this.#wasRefused && token === this.#lastToken)
      throw refusal(
        'The gateway refused the token, and `accessToken` returned the same token again: make it return a new one.',
      );
    this.#lastToken = token;
    this.#wasRefused = false;
    return token;
  }

  /** The token that the application gave last. */
  get last(): string | undefined {
    return this.#lastToken;
  }

  /** True when the application has an `accessToken` function. */
  get hasSource(): boolean {
    return this.#accessToken !== undefined;
  }

  /** Records that the gateway refused the last token. */
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
