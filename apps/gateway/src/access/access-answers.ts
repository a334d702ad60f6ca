// The answers that are still used: a yes for a while, a no for a moment, and the pause after a failure. Uses no timers.
import { OldestFirstMap } from '@millrace/internal';
import { type AccessPair, keyOf } from './user-identity.js';

/** Options of {@link AccessAnswers}. */
export interface AccessAnswersOptions {
  /** Time for which a yes is used. */
  readonly cacheMs: number;
  /** Time for which a no is used. */
  readonly refusalCacheMs: number;
  /** Age up to which a yes is still used while the rule cannot be asked. */
  readonly maxStaleMs: number;
  /** Time for which the question is not asked again after a failure. */
  readonly pauseMs: number;
  /** Maximum number of questions whose answers are kept. Above it, the oldest answer is forgotten, and its question is asked again. */
  readonly maxAnswers: number;
  /** Maximum number of them for one user. Above it, the oldest answer of this user is forgotten. */
  readonly maxAnswersPerOwner: number;
}

interface Entry {
  readonly pair: AccessPair;
  allowedAtMs: number | undefined;
  refusedUntilMs: number;
  pausedUntilMs: number;
}

/** The entries of one user, the oldest first, and the number of entries of each identity. */
interface Owned {
  readonly entries: Set<Entry>;
  readonly identities: Map<string, number>;
}

/** See the comment at the top of this file. */
export class AccessAnswers {
  readonly #options: AccessAnswersOptions;
  readonly #entries = new OldestFirstMap<string, Entry>();
  readonly #owned = new Map<string, Owned>();

  constructor(options: AccessAnswersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the answer that may be used without asking, or `undefined`. */
  find({ key }: AccessPair, nowMs: number): 'allowed' | 'refused' | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs < entry.refusedUntilMs) return 'refused';
    return ageOf(entry, nowMs) < this.#options.cacheMs ? 'allowed' : undefined;
  }

  /** True if there is a yes that may be used while the rule cannot be asked. */
  isAllowedWhileAway({ key }: AccessPair, nowMs: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && ageOf(entry, nowMs) < this.#options.maxStaleMs;
  }

  /** True if there is a yes of any age. */
  wasAllowed({ key }: AccessPair): boolean {
    return this.#entries.get(key)?.allowedAtMs !== undefined;
  }

  /** True shortly after a failure of this question. */
  isPaused({ key }: AccessPair, nowMs: number): boolean {
    return nowMs < (this.#entries.get(key)?.pausedUntilMs ?? 0);
  }

  /** Notes an answer, or the failure of a question. A failure leaves the last yes in place. */
  note(pair: AccessPair, outcome: 'allowed' | 'refused' | 'failed', nowMs: number): void {
    const { refusalCacheMs, pauseMs } = this.#options;
    const before = this.#entries.get(pair.key);
    if (before !== undefined) this.#remove(before);
    this.#add({
      pair,
      allowedAtMs: { allowed: nowMs, refused: undefined, failed: before?.allowedAtMs }[outcome],
      refusedUntilMs: outcome === 'refused' ? nowMs + refusalCacheMs : 0,
      pausedUntilMs: outcome === 'failed' ? nowMs + pauseMs : 0,
    });
    this.#evict(pair.owner, nowMs);
  }

  /** Forgets the answers of a user for one room, or for all rooms. */
  forget(owner: string, roomId: string | undefined): void {
    const owned = this.#owned.get(owner);
    if (owned === undefined) return;
    const entries =
      roomId === undefined
        ? [...owned.entries]
        : [...owned.identities.keys()].map((identity) => this.#entries.get(keyOf(identity, roomId)));
    for (const entry of entries) if (entry !== undefined) this.#remove(entry);
  }

  #add(entry: Entry): void {
    const { key, owner, identity } = entry.pair;
    const owned = this.#owned.get(owner) ?? { entries: new Set(), identities: new Map<string, number>() };
    owned.entries.add(entry);
    owned.identities.set(identity, (owned.identities.get(identity) ?? 0) + 1);
    this.#owned.set(owner, owned);
    this.#entries.set(key, entry);
  }

  #remove(entry: Entry): void {
    const { key, owner, identity } = entry.pair;
    this.#entries.delete(key);
    const owned = this.#owned.get(owner);
    if (owned?.entries.delete(entry) !== true) return;
    const count = (owned.identities.get(identity) ?? 1) - 1;
    if (count > 0) owned.identities.set(identity, count);
    else owned.identities.delete(identity);
    if (owned.entries.size === 0) this.#owned.delete(owner);
  }

  #evict(owner: string, nowMs: number): void {
    const { maxAnswers, maxAnswersPerOwner } = this.#options;
    const own = this.#owned.get(owner)?.entries;
    if (own !== undefined && own.size > maxAnswersPerOwner)
      for (const oldest of own) {
        this.#remove(oldest);
        break;
      }
    // Two at most: the entry that takes the place of the new one, and one that is of no use any more.
    for (let count = 0; count < 2; count += 1) {
      const [, oldest] = this.#entries.oldest() ?? [];
      if (oldest === undefined) return;
      if (this.#entries.size > maxAnswers || this.#isUseless(oldest, nowMs)) this.#remove(oldest);
    }
  }

  #isUseless(entry: Entry, nowMs: number): boolean {
    const { cacheMs, maxStaleMs } = this.#options;
    const isOld = ageOf(entry, nowMs) >= Math.max(cacheMs, maxStaleMs);
    return isOld && nowMs >= entry.refusedUntilMs && nowMs >= entry.pausedUntilMs;
  }
}

function ageOf({ allowedAtMs = Number.NEGATIVE_INFINITY }: Entry, nowMs: number): number {
  return nowMs - allowedAtMs;
}
