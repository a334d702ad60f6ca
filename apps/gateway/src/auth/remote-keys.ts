// Fetches the keys of a key server when they are needed, and still uses them while the server is unavailable. jose parses the
// key set and finds the key of a token. This file decides when to fetch, and distinguishes a server without the key from a
// server that did not answer.
import { setTimeout as pause } from 'node:timers/promises';
import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FlattenedJWSInput,
  type JWTHeaderParameters,
} from 'jose';
import { reasonOf } from '../http/remote-answer.js';
import { fetchKeySet } from './key-server.js';

/** Options of {@link RemoteKeys}. */
export interface RemoteKeysOptions {
  /** Address of the JSON Web Key Set. */
  readonly url: string;
  /** Age at which keys are fetched again. Tokens are verified with the old keys until the new ones arrive. */
  readonly refreshMs: number;
  /** Maximum age of keys that are still used while the server is unavailable. */
  readonly maxStaleMs: number;
  /** Returns monotonic time in milliseconds. */
  readonly monotonicMs: () => number;
  /** Called after every request to the server. */
  readonly onFetched: (outcome: 'answered' | 'failed') => void;
  /** Called when the key server becomes unavailable (`isAway` is true, and `reason` is the cause) or available again. */
  readonly onStateChange: (isAway: boolean, reason: string) => void;
}

/** The error for a token whose key could not be fetched. The token may be valid. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  /** Time after which the client should try again. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('the key server is unavailable');
    this.retryAfterMs = retryAfterMs;
  }
}

const fetchTimeoutMs = 5_000;
/**
 * Minimum time between the starts of two fetches. Tokens with invented key IDs therefore cause at most one request per second
 * to the server.
 */
const minSpacingMs = 1_000;
/**
 * Maximum number of callers that wait for a fetch. Further callers get `KeysUnavailable`. Callers whose key is known do not
 * wait.
 */
const maxWaiting = 1_000;
const retryAfterMs = 5_000;

/**
 * Caches the keys of a key server. The cache has four states: no keys → fresh keys → old keys (used while new ones are
 * fetched) → too old keys (not used). A caller whose key is missing waits for a fetch that begins after its call. All waiting
 * callers share this fetch.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #loadedAtMs = Number.NEGATIVE_INFINITY;
  /** Time at which the last fetch began. */
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  /** The running fetch. Resolves to true if the server answered. Never rejects. */
  #underWay: Promise<boolean> | undefined;
  /** The fetch after the running one. All callers that wait for it share it. */
  #next: Promise<boolean> | undefined;
  #waiting = 0;
  #isAway = false;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    // This class decides when to fetch. Therefore jose's own cache never expires, and jose fetches nothing for a missing key.
    this.#set = createRemoteJWKSet(new URL(options.url), {
      timeoutDuration: fetchTimeoutMs,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      [customFetch]: fetchKeySet,
    });
  }

  /** True when the last request to the key server failed. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Starts to fetch the keys, unless they are fresh and the server is available. */
  refresh(): void {
    if (this.#isAway || this.#ageMs() >= this.#options.refreshMs) void this.#fetch();
  }

  /**
   * Finds the key that verifies a token.
   *
   * @throws KeysUnavailable when the server does not answer, or when too many callers wait
   * @throws an error of jose when the server answered and has no such key
   */
  async keyOf(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    this.refresh();
    if (this.#ageMs() > this.#options.maxStaleMs) await this.#waitFor(this.#underWay ?? this.#fetch());
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#waitFor(this.#fetch());
    return this.#set(header, token);
  }

  #ageMs(): number {
    return this.#options.monotonicMs() - this.#loadedAtMs;
  }

  /** @throws KeysUnavailable */
  async #waitFor(fetching: Promise<boolean>): Promise<void> {
    if (this.#waiting >= maxWaiting) throw new KeysUnavailable(retryAfterMs);
    this.#waiting += 1;
    try {
      if (!(await fetching)) throw new KeysUnavailable(retryAfterMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Returns a fetch that begins after this call, and at least `minSpacingMs` after the start of the last fetch. */
  #fetch(): Promise<boolean> {
    this.#next ??= this.#fetchNext();
    return this.#next;
  }

  async #fetchNext(): Promise<boolean> {
    await this.#underWay;
    const waitMs = this.#fetchedAtMs + minSpacingMs - this.#options.monotonicMs();
    if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
    const fetching = this.#fetchOnce();
    this.#underWay = fetching;
    this.#next = undefined;
    const isAnswered = await fetching;
    if (this.#underWay === fetching) this.#underWay = undefined;
    return isAnswered;
  }

  async #fetchOnce(): Promise<boolean> {
    const { monotonicMs, onFetched } = this.#options;
    this.#fetchedAtMs = monotonicMs();
    try {
      await this.#set.reload();
    } catch (error) {
      onFetched('failed');
      this.#noteState(true, reasonOf(error));
      return false;
    }
    this.#loadedAtMs = monotonicMs();
    onFetched('answered');
    this.#noteState(false, '');
    return true;
  }

  #noteState(isAway: boolean, reason: string): void {
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    this.#options.onStateChange(isAway, reason);
  }
}
