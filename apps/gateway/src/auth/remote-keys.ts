// The keys of a key server: asked for when they are needed, used on while the server is away. jose reads the set and finds the key
// of a token; this file decides when to ask, and tells "there is no such key" from "nobody could be asked".
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
  /** Keys that are older are asked for again, beside the requests that use them. */
  readonly refreshMs: number;
  /** Keys are used for this long after the server gave them last, if it is away meanwhile. */
  readonly maxStaleMs: number;
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number;
  /** After every question. */
  readonly onAsked: (outcome: 'answered' | 'failed') => void;
  /** When the server has gone (`reason` says how) or is back. */
  readonly onStateChange: (isAway: boolean, reason: string) => void;
}

/** Nobody could be asked for the key of a token: it may be good or bad. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  /** When it is worth trying again. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('the key server cannot be asked');
    this.retryAfterMs = retryAfterMs;
  }
}

const questionTimeoutMs = 5_000;
/** Between the beginnings of two questions: tokens with invented key IDs cost the server no more than one a second. */
const minSpacingMs = 1_000;
/** Requests that wait for a question. Beyond it they are told to come back: known keys need no wait. */
const maxWaiting = 1_000;
const retryAfterMs = 5_000;

/**
 * Keys are: none → known → old (asked for again, used on) → too old (not used). A key that the known ones lack is looked up at once, by a
 * question that begins after the token came; all who need one meanwhile share it.
 */
export class RemoteKeys {
  readonly #options: RemoteKeysOptions;
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  #loadedAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** The question under way; resolves to whether it was answered, and never rejects. */
  #underWay: Promise<boolean> | undefined;
  /** The question after that one, for all who need it. */
  #next: Promise<boolean> | undefined;
  #waiting = 0;
  #isAway = false;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    // When to ask is decided here: for jose the keys never age, and a missing one is just missing.
    this.#set = createRemoteJWKSet(new URL(options.url), {
      timeoutDuration: questionTimeoutMs,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      [customFetch]: fetchKeySet,
    });
  }

  /** True when the key server did not answer the last request. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Asks for the keys unless they are fresh and the server is there. Nobody needs to wait for it. */
  refresh(): void {
    if (this.#isAway || this.#ageMs() >= this.#options.refreshMs) void this.#ask();
  }

  /**
   * The key of a token.
   *
   * @throws KeysUnavailable when the server cannot be asked; an error of jose when it was, and has no such key
   */
  async keyOf(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    this.refresh();
    if (this.#ageMs() > this.#options.maxStaleMs) await this.#waitFor(this.#underWay ?? this.#ask());
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#waitFor(this.#ask());
    return this.#set(header, token);
  }

  #ageMs(): number {
    return this.#options.monotonicMs() - this.#loadedAtMs;
  }

  /** @throws KeysUnavailable */
  async #waitFor(question: Promise<boolean>): Promise<void> {
    if (this.#waiting >= maxWaiting) throw new KeysUnavailable(retryAfterMs);
    this.#waiting += 1;
    try {
      if (!(await question)) throw new KeysUnavailable(retryAfterMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** A question that begins from now on: at once when the last one is long enough ago. */
  #ask(): Promise<boolean> {
    this.#next ??= this.#askNext();
    return this.#next;
  }

  async #askNext(): Promise<boolean> {
    await this.#underWay;
    const waitMs = this.#askedAtMs + minSpacingMs - this.#options.monotonicMs();
    if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
    const question = this.#askOnce();
    this.#underWay = question;
    this.#next = undefined;
    const isAnswered = await question;
    if (this.#underWay === question) this.#underWay = undefined;
    return isAnswered;
  }

  async #askOnce(): Promise<boolean> {
    const { monotonicMs, onAsked } = this.#options;
    this.#askedAtMs = monotonicMs();
    try {
      await this.#set.reload();
    } catch (error) {
      onAsked('failed');
      this.#noteState(true, reasonOf(error));
      return false;
    }
    this.#loadedAtMs = monotonicMs();
    onAsked('answered');
    this.#noteState(false, '');
    return true;
  }

  #noteState(isAway: boolean, reason: string): void {
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    this.#options.onStateChange(isAway, reason);
  }
}
