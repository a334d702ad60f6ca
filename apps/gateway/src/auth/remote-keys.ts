// Fetches the keys of a key server when they are needed, and continues to use them while the server is unavailable. jose reads the set and
// finds the key of a token; this file decides when to fetch, and distinguishes "there is no such key" from "the server did not answer".
import { setTimeout as pause } from 'node:timers/promises';
import {
  type CryptoKey,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FlattenedJWSInput,
  type JWTHeaderParameters,
} from 'jose';
import { fetchKeySet, reasonOf } from './key-server.js';

/** Options of {@link RemoteKeys}. */
export interface RemoteKeysOptions {
  /** Address of the JSON Web Key Set. */
  readonly url: string;
  /** Keys that are older are fetched again, while requests continue to use them. */
  readonly refreshMs: number;
  /** While the server is unavailable, keys are used for this long after they were fetched. */
  readonly maxStaleMs: number;
  /** Milliseconds that never decrease. */
  readonly monotonicMs: () => number;
  /** Called after every request to the server. */
  readonly onFetched: (outcome: 'answered' | 'failed') => void;
  /** Called when the server becomes unavailable (with the reason) or is available again. */
  readonly onStateChange: (isAway: boolean, reason: string) => void;
}

/** The key of a token could not be fetched: the token may be valid or not. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  /** Time after which to try again. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('the key server is unavailable');
    this.retryAfterMs = retryAfterMs;
  }
}

const fetchTimeoutMs = 5_000;
/** Least time between the beginnings of two fetches: tokens with invented key IDs cost the server no more than one request a second. */
const minSpacingMs = 1_000;
/** Most callers that wait for a fetch; beyond it clients are told to come back. Callers whose key is known do not wait. */
const maxWaiting = 1_000;
const retryAfterMs = 5_000;

/**
 * Keys are: none → fresh → old (fetched again, still used) → too old (not used). A key that is not among them is looked up at once, by a
 * fetch that begins after the token came; all callers that need one meanwhile share it.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #loadedAtMs = Number.NEGATIVE_INFINITY;
  /** Time at which the last fetch began. */
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  /** The fetch under way; resolves to true when the server answered, and never rejects. */
  #underWay: Promise<boolean> | undefined;
  /** The fetch after that one, shared by all callers that need it. */
  #next: Promise<boolean> | undefined;
  #waiting = 0;
  #isAway = false;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    // This class decides when to fetch: for jose the keys never age, and it does not fetch a missing one.
    this.#set = createRemoteJWKSet(new URL(options.url), {
      timeoutDuration: fetchTimeoutMs,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      [customFetch]: fetchKeySet,
    });
  }

  /** True when the key server did not answer the last request as it should. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Starts to fetch the keys, unless they are fresh and the server is available. */
  refresh(): void {
    if (this.#isAway || this.#ageMs() >= this.#options.refreshMs) void this.#fetch();
  }

  /**
   * Finds the key of a token.
   *
   * @throws KeysUnavailable when the server does not answer; an error of jose when it answered and has no such key
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

  /** Returns a fetch that begins after this call: at once when the last one is long enough ago. */
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
